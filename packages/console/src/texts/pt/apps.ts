import type { TextsOf } from '../areas.ts'

export const texts: TextsOf<'apps'> = {
  'none.title': 'Nenhum app ainda',
  'none.body':
    'Um app no Roost é um aplicativo móvel ou web. Os dispositivos se registram com o código e o token de dispositivo dele.',
  'none.cannot':
    'Ninguém criou um ainda, ou nenhum foi compartilhado com você. Fale com o proprietário desta instalação.',
  'make.title': 'Novo app',
  'make.name': 'Nome',
  'make.nameHint': 'Como as pessoas o conhecem',
  'make.missing': 'Dê um nome a ele',
  'make.submit': 'Criar o app',
  'make.failed': 'O app não foi criado',
  'made.title': '{name} foi criado',
  'made.about': 'Seu aplicativo móvel ou web precisa destes dois. O token de dispositivo só aparece agora.',
  'made.code': 'Código do app',
  'made.token': 'Token de dispositivo',
  'made.open': 'Abrir o app',
  'list.zone': 'Fuso horário',
  'list.made': 'Criado em',
  'next.title': 'Próximos passos',
  'next.credential':
    'Adicione a credencial da Apple, do Google ou dos navegadores, para que o Roost possa enviar em seu nome.',
  'next.app':
    'Coloque o código do app e o token de dispositivo no seu aplicativo. O primeiro dispositivo aparece sozinho no painel.',
  'next.message': 'Escreva uma primeira mensagem e envie-a a um dispositivo de teste.',
  'next.credential.do': 'Adicionar uma credencial',
  'list.archived': 'arquivado',
  'make.cannot': 'Sua função não cria apps',
  'make.ask':
    'Editores e proprietários de toda a instalação os criam. Peça a um deles ou volte aos seus apps.',
}
