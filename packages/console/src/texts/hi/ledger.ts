import type { TextsOf } from '../areas.ts'

export const texts: TextsOf<'ledger'> = {
  registered: 'पंजीकृत',
  'registered.said':
    'ऐप ने {address, select, apns {एक Apple टोकन} fcm {एक Google टोकन} webpush {एक ब्राउज़र सब्सक्रिप्शन} hms {एक Huawei टोकन} other {एक पता}} पंजीकृत किया{environment, select, none {} other { ({environment})}}।',
  active: 'सक्रिय',
  'active.said': '{day} से उपयोग में।',
  refreshed: 'ताज़ा किया',
  'refreshed.said':
    'ऐप ने वही {kind, select, subscription {सब्सक्रिप्शन} other {टोकन}} फिर पंजीकृत किया: यह अब भी उपयोग में है।',
  confirmed: 'पुष्ट',
  'confirmed.said':
    'ऐप ने यह {kind, select, subscription {सब्सक्रिप्शन} other {टोकन}} फिर पंजीकृत किया, जिससे संदेह समाप्त हुआ।',
  restored: 'बहाल',
  'restored.said':
    'ऐप फिर {how, select, opened {खोला गया} other {पंजीकृत हुआ}}, इसलिए यह डिवाइस फिर पहुँच में है{former, select, none {} other {; इस {kind, select, subscription {सब्सक्रिप्शन} other {टोकन}} की पहले की स्थिति {former} थी}}।',
  superseded: 'बदला गया',
  'superseded.said':
    'डिवाइस के पास नया {kind, select, subscription {सब्सक्रिप्शन} other {टोकन}} है, इसलिए यह अब उपयोग में नहीं है।',
  moved: 'स्थानांतरित',
  'moved.said':
    'दूसरे डिवाइस ने यह {kind, select, subscription {सब्सक्रिप्शन} other {टोकन}} पंजीकृत किया, इसलिए अब यह उसका है।',
  suspect: 'संदिग्ध',
  'suspect.then': 'एक संकेत प्रमाण नहीं: अब भी भेजा जाता है, और अगला उत्तर तय करेगा।',
  quarantined: 'रोका गया',
  'quarantined.then': 'जब तक ऐप इसे फिर पंजीकृत न करे, इस पर कुछ नहीं भेजा जाता।',
  dead: 'मृत',
  'dead.since': 'यह {day} से मान्य नहीं था।',
  unregistered: 'अपंजीकृत',
  'unregistered.said': '{day} को डिवाइस ने आगे न भेजने को कहा।',
  'speaker.apns': 'Apple',
  'speaker.fcm': 'Google',
  'speaker.webpush': 'ब्राउज़र की पुश सेवा',
  'speaker.hms': 'Huawei',
  'speaker.other': 'गेटवे',
  'say.gone': '{speaker} ने {day} को कहा कि यह {kind, select, subscription {सब्सक्रिप्शन} other {टोकन}} नहीं रहा।',
  'say.expired':
    '{speaker} ने {day} को कहा कि इस {kind, select, subscription {सब्सक्रिप्शन} other {टोकन}} की अवधि समाप्त हो गई।',
  'say.invalid':
    '{speaker} ने {day} को कहा कि यह {kind, select, subscription {सब्सक्रिप्शन} other {टोकन}} मान्य नहीं है।',
  'say.unknown':
    '{speaker} ने {day} को कहा कि वह इस {kind, select, subscription {सब्सक्रिप्शन} other {टोकन}} को नहीं जानता{environment, select, none {} other { ({environment})}}।',
  'say.otherApp':
    '{speaker} ने {day} को कहा कि यह {kind, select, subscription {सब्सक्रिप्शन} other {टोकन}} दूसरे ऐप का है।',
  'say.otherProject':
    '{speaker} ने {day} को कहा कि यह {kind, select, subscription {सब्सक्रिप्शन} other {टोकन}} दूसरे Firebase प्रोजेक्ट का है।',
  'say.otherKey':
    '{speaker} ने {day} को कहा कि यह {kind, select, subscription {सब्सक्रिप्शन} other {टोकन}} दूसरी VAPID कुंजी से बना था।',
  'say.noAddress':
    '{speaker} ने {day} को कहा कि यह उसका दिया हुआ {kind, select, subscription {सब्सक्रिप्शन} other {टोकन}} नहीं है।',
  'say.other': '{speaker} ने {day} को {reason} उत्तर दिया।',
  'own.not_heard_of':
    'इस डिवाइस से इतने समय तक कुछ नहीं सुना गया कि इसका {kind, select, subscription {सब्सक्रिप्शन} other {टोकन}} छोड़ दिया गया।',
  'own.inactive':
    'इस डिवाइस पर ऐप इतने समय तक नहीं खोला गया कि इसका {kind, select, subscription {सब्सक्रिप्शन} other {टोकन}} अलग रख दिया गया। अगली बार खोलने पर लौट आएगा।',
  'own.expired': 'इस {kind, select, subscription {सब्सक्रिप्शन} other {टोकन}} की तय सीमा बीत गई।',
  'own.mass_failure_guard':
    'एक साथ इतने नकारे गए कि गलती हमारी हो सकती है; यह {kind, select, subscription {सब्सक्रिप्शन} other {टोकन}} रोका गया है, समाप्त नहीं।',
  'own.other': '{day} को दर्ज: {reason}।',
  noReason: '{day} को कोई कारण दर्ज नहीं हुआ।',
  'unknown.said': '“{event}” के रूप में दर्ज{reason, select, none {} other {, कारण “{reason}”}}।',
}
