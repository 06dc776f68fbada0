import type { TextsOf } from '../areas.ts'

export const texts: TextsOf<'apps'> = {
  'none.title': 'アプリはまだありません',
  'none.body':
    'Roost のアプリは一つのモバイルまたはウェブアプリです。デバイスはそのコードとデバイストークンで登録します。',
  'none.cannot':
    'まだ作成されていないか、共有されていません。このインストールのオーナーに問い合わせてください。',
  'make.title': '新しいアプリ',
  'make.name': '名前',
  'make.nameHint': '利用者が知っている名前',
  'make.missing': '名前を入力してください',
  'make.submit': 'アプリを作成',
  'make.failed': 'アプリは作成されませんでした',
  'made.title': '{name} を作成しました',
  'made.about':
    'モバイルまたはウェブアプリにはこの二つが必要です。デバイストークンが表示されるのは今だけです。',
  'made.code': 'アプリコード',
  'made.token': 'デバイストークン',
  'made.open': 'アプリを開く',
  'list.zone': 'タイムゾーン',
  'list.made': '作成日',
  'next.title': '次にすること',
  'next.credential':
    'Apple、Google、またはブラウザの認証情報を追加すると、Roost があなたの名義で送信できます。',
  'next.app':
    'アプリコードとデバイストークンをアプリに組み込みます。最初のデバイスは自動でダッシュボードに現れます。',
  'next.message': '最初のメッセージを書き、テストデバイスに送信します。',
  'next.credential.do': '認証情報を追加',
  'list.archived': 'アーカイブ済み',
  'make.cannot': 'あなたの役割ではアプリを作成できません',
  'make.ask': 'インストール全体の編集者とオーナーが作成できます。依頼するか、自分のアプリに戻ってください。',
}
