import type { TextsOf } from '../areas.ts'

export const texts: TextsOf<'guide'> = {
  title: 'Guia de configuração',
  about: 'Do zero até um push aberto. Os passos ficam verdes sozinhos conforme seus dispositivos chegam.',
  platform: 'Plataforma',
  steps: 'Passos',
  progress: '{done, number} de {whole, number} feitos',
  'done.credential.web': 'Cada app já vem com um par de chaves: não há nada a fazer aqui.',
  fresh:
    'Comece onde estão seus usuários. A web é a mais rápida de experimentar: não precisa de conta na Apple, no Google nem na Huawei.',
  ask: 'Isto cabe a quem pode alterar o app.',
  'platform.progress': '{platform} {done, number}/{whole, number}',
  'done.since': 'feito, {day}',
  'state.done': 'feito',
  'state.open': 'a fazer',
  'state.trouble': 'algo está errado',
  'step.credential': 'Informar a credencial do gateway',
  'step.credential.about': 'O Roost envia em seu nome e precisa de uma chave.',
  'step.credential.ios':
    'Baixe uma chave .p8 em developer.apple.com → Keys e solte-a na página de credenciais.',
  'step.credential.android':
    'Baixe a conta de serviço: console do Firebase → Configurações do projeto → Contas de serviço.',
  'step.credential.web': 'Um par de chaves VAPID é criado com um clique, ou já vem com o app.',
  'step.credential.huawei':
    'Copie id do app, id e segredo do cliente: AppGallery Connect → Project settings.',
  'step.device': 'Registrar o primeiro dispositivo',
  'step.device.about':
    'Coloque o código no app, rode e permita notificações. O dispositivo aparece em segundos.',
  'step.accepted': 'Enviar o primeiro push',
  'step.accepted.about': 'Escreva uma mensagem para o seu dispositivo. Fica verde quando o gateway aceitar.',
  'step.received': 'O dispositivo avisa que chegou',
  'step.received.about':
    'O app envia um recibo (messageDeliveryEvent) com o hash do push; o SDK web faz isso sozinho.',
  'step.received.ios':
    'O iOS avisa pela extensão de serviço de notificação, que envia messageDeliveryEvent com o hash (p).',
  'step.opened': 'Alguém o abre',
  'step.opened.about': 'Toque no push; o app avisa com pushStat e o hash.',
  'step.extension': 'Adicionar a extensão de notificação',
  'step.extension.about':
    'O iOS precisa dela para imagens e para avisar o que chegou. Faça-a informar a versão (extensionVersion).',
  'step.test_device': 'Ter um dispositivo de teste',
  'step.test_device.about':
    'Leia um código com o celular: ele vira um, e cada mensagem pode ser testada antes de todos.',
  'go.credentials': 'Abrir as credenciais',
  'go.message': 'Escrever mensagem',
  'go.testDevices': 'Ler um código',
  snippet: 'Código para o app ({language})',
  'snippet.token':
    'Troque <code>DEVICE_TOKEN</code> pelo token de dispositivo: mostrado ao criar o app; outro pode ser feito em Tokens de API.',
}
