import type { TextsOf } from '../areas.ts'

export const texts: TextsOf<'credentialHealth'> = {
  apns_bundle_id_wrong:
    'Os dispositivos deste app têm outro bundle id que não o desta credencial. A Apple aceita a credencial em si, por isso as verificações estão boas; os dispositivos ficam, e as mensagens esperam.',
  'apns_bundle_id_wrong.remedy':
    'Substitua a credencial por uma com o bundle id que o app tem no Xcode (uma chave .p8 pode ser o mesmo arquivo), ou pelo certificado desse app.',
  apns_environment_wrong:
    'A Apple não conhece nenhum dos dispositivos no ambiente desta credencial. A credencial em si está boa, e as verificações também; os dispositivos ficam, e as mensagens esperam.',
  'apns_environment_wrong.remedy':
    'Envie uma credencial do outro ambiente: o que o Xcode instala é sandbox; TestFlight e App Store são produção. Ou registre os dispositivos com o ambiente a que pertencem.',
  fcm_project_wrong:
    'Os dispositivos deste app são de outro projeto do Firebase que não o desta conta de serviço. O Google aceita a conta em si, por isso a verificação está boa; os dispositivos ficam, e as mensagens esperam.',
  'fcm_project_wrong.remedy':
    'Substitua-a por uma conta de serviço do projeto indicado no google-services.json do app (project_id).',
  vapid_key_wrong:
    'Os navegadores se inscreveram com outra chave VAPID; só com ela são alcançados. As inscrições ficam, e as mensagens esperam.',
  'vapid_key_wrong.remedy':
    'Envie o par de chaves cuja chave pública o site usa para inscrever (applicationServerKey).',
  content_unreadable: 'O que está guardado desta credencial não pode mais ser usado.',
  'content_unreadable.remedy': 'Envie-a de novo.',
  certificate_expired: 'O certificado venceu; a Apple não aceita mais envios com ele. As mensagens esperam.',
  apns_key_refused:
    'A Apple recusa a chave: foi revogada, ou o id da chave e o da equipe não correspondem a ela, ou o app é de outra equipe.',
  apns_key_of_other_environment: 'A chave foi criada só para o outro ambiente.',
  'apns_key_of_other_environment.remedy':
    'Crie uma chave para este ambiente em developer.apple.com e envie-a além desta.',
  apns_topic_refused: 'A Apple não permite que esta credencial envie para este bundle id.',
  'apns_topic_refused.remedy':
    'Compare o bundle id com o do app no Xcode; uma chave para certos tópicos, ou o certificado de outro app, serve só para eles.',
  apns_certificate_of_other_environment: 'O certificado não serve para este ambiente.',
  'apns_certificate_of_other_environment.remedy':
    'Crie um certificado “Sandbox & Production” em developer.apple.com e envie-o.',
  apns_certificate_refused: 'A Apple recusa o certificado: foi revogado, ou não é de push.',
  clock_wrong:
    'A Apple considera vencido um token que acabou de ser assinado: o relógio deste servidor está errado.',
  'clock_wrong.remedy': 'Acerte o relógio do servidor (NTP); a credencial em si pode estar boa.',
  apns_forbidden: 'A Apple não permite que esta chave envie.',
  fcm_api_disabled: 'A Firebase Cloud Messaging API (V1) está desativada neste projeto.',
  'fcm_api_disabled.remedy': 'Ative-a: console do Firebase → Configurações do projeto → Cloud Messaging.',
  fcm_permission_missing: 'A conta de serviço não pode enviar mensagens neste projeto.',
  'fcm_permission_missing.remedy':
    'Dê a ela o papel “Firebase Cloud Messaging API Admin” no console do Google Cloud → IAM.',
  fcm_key_refused:
    'O Google recusa a chave: ela ou a conta de serviço foi excluída, ou o relógio deste servidor está errado em alguns minutos.',
  'fcm_key_refused.remedy':
    'Gere uma nova chave privada no console do Firebase → Configurações do projeto → Contas de serviço e substitua esta; confira o relógio do servidor.',
  fcm_project_unknown: 'O Google não conhece o projeto indicado no arquivo.',
  'fcm_project_unknown.remedy': 'Envie a conta de serviço do projeto do Firebase com que o app é compilado.',
  fcm_third_party_refused:
    'A chave APNs ou de web push guardada no Firebase é recusada; o Android não é afetado.',
  'fcm_third_party_refused.remedy':
    'Substitua-a no console do Firebase → Configurações do projeto → Cloud Messaging.',
  hms_permission_missing:
    'A Huawei não permite que este app envie: o Push Kit está desativado, ou o id do app é de outro projeto.',
  'hms_permission_missing.remedy':
    'Ative o Push Kit no AppGallery Connect → Meus projetos → Push Kit, e compare o id do app.',
  hms_client_refused: 'A Huawei recusa o id e o segredo do cliente.',
  'hms_client_refused.remedy':
    'Copie os dois de novo do AppGallery Connect → Configurações do projeto → Informações do app → OAuth 2.0 client ID, e substitua a credencial.',
  refused: 'O gateway recusa esta credencial.',
  'refused.remedy': 'Envie-a de novo como o fornecedor a entregou; enquanto isso, as mensagens esperam.',
  certificate_expiring:
    'O certificado vence {days, plural, =1 {em menos de um dia} one {em # dia} other {em # dias}}: {moment}.',
  credential_paused: 'Nada é enviado com esta credencial.',
  'credential_paused.remedy': 'Substitua o conteúdo dela em Credenciais.',
  'renew.remedy':
    'Crie um novo certificado “Apple Push Notification service SSL” em developer.apple.com e substitua este, ou passe para uma chave .p8, que não vence. Os apps não precisam de nova versão.',
  'compare.remedy':
    'Compare o id da chave, o da equipe e o bundle id com developer.apple.com (Keys; Membership; Identifiers), veja se a chave não foi revogada, e substitua a credencial.',
  'environment.production': 'produção',
  'environment.sandbox': 'sandbox',
}
