/** Push certificates as Apple issues them, and the files that people export them into, made by the `openssl` command. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface CertificateSpec {
  /** Default `com.example.app`. */
  readonly uid?: string | undefined
  readonly commonName?: string
  /** Lines of openssl's section of extensions. Default: sandbox and production. */
  readonly extensions?: readonly string[]
  readonly keyType?: 'rsa:2048' | 'ec'
  /** Default sha256. */
  readonly digest?: 'sha256' | 'md5'
  /** `20260101000000Z`; default from 2026 on, for 13 months. */
  readonly notBefore?: string
  readonly notAfter?: string
}

export interface Made {
  readonly cert: string
  readonly key: string
}

export const PRODUCTION = '1.2.840.113635.100.6.3.2 = DER:0500'
export const SANDBOX = '1.2.840.113635.100.6.3.1 = DER:0500'

/** `1.2.840.113635.100.6.3.6`: a topic and a sequence with its kind, by turns. */
export function topicsExtension(topics: readonly (readonly [string, string])[]): string {
  const entries = topics.flatMap(([topic, kind]) => [der(0x0c, topic), der(0x30, der(0x0c, kind))])
  return `1.2.840.113635.100.6.3.6 = DER:${der(0x30, Buffer.concat(entries)).toString('hex')}`
}

export function voipExtension(topic: string): string {
  return `1.2.840.113635.100.6.3.4 = DER:${der(0x0c, topic).toString('hex')}`
}

function der(tag: number, content: string | Buffer): Buffer {
  const bytes = Buffer.from(content as string)
  const length = bytes.length < 128 ? [bytes.length] : [0x82, bytes.length >> 8, bytes.length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...length]), bytes])
}

/** A certificate authority of its own, in a folder that `close` removes. */
export class AppleAuthority {
  readonly #folder = mkdtempSync(join(tmpdir(), 'apple-ca-'))
  readonly ca: Made
  #serial = 0

  constructor() {
    this.ca = this.#request('ca', '/CN=Apple Worldwide Developer Relations', ['-x509', '-days', '3650'])
  }

  close(): void {
    rmSync(this.#folder, { recursive: true })
  }

  issue(spec: CertificateSpec = {}): Made {
    const name = `leaf${++this.#serial}`
    const { uid = 'com.example.app', commonName = `Apple Push Services: ${uid}` } = spec
    const subject =
      'uid' in spec && spec.uid === undefined ? `/CN=${commonName}` : `/UID=${uid}/CN=${commonName}`
    const { key } = this.#request(name, subject, spec.keyType === 'ec' ? EC_KEY : RSA_KEY)
    const {
      extensions = [SANDBOX, PRODUCTION],
      notBefore = '20260101000000Z',
      notAfter = '20270131000000Z',
    } = spec
    writeFileSync(this.#path(`${name}.cnf`), caConfig(this.#folder, extensions))
    writeFileSync(this.#path('index.txt'), '')
    writeFileSync(this.#path('serial'), `${(1000 + this.#serial).toString()}\n`)
    this.run(`ca -batch -notext -config ${name}.cnf -in ${name}.cert -out ${name}.crt -cert ca.cert -keyfile ca.key
      -startdate ${notBefore} -enddate ${notAfter} -extensions marks -md ${spec.digest ?? 'sha256'}`)
    return { cert: this.#read(`${name}.crt`), key }
  }

  /** A `.p12` of these PEM parts; `options` choose the encryption. */
  p12(parts: { cert?: string; key?: string; chain?: string }, password: string, options = ''): Buffer {
    writeFileSync(this.#path('in.pem'), `${parts.key ?? ''}${parts.cert ?? ''}`)
    writeFileSync(this.#path('chain.pem'), parts.chain ?? '')
    const chain = parts.chain === undefined ? '' : '-certfile chain.pem'
    const keys = parts.key === undefined ? '-nokeys' : ''
    const certs = parts.cert === undefined ? '-nocerts' : ''
    this.run(
      `pkcs12 -export -in in.pem ${chain} ${keys} ${certs} -passout pass:${password} -out out.p12 ${options}`,
    )
    return readFileSync(this.#path('out.p12'))
  }

  /** Runs `openssl` in the folder. */
  run(command: string): string {
    return execFileSync('openssl', command.split(/\s+/).filter(Boolean), {
      cwd: this.#folder,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  }

  #request(name: string, subject: string, options: readonly string[]): Made {
    execFileSync(
      'openssl',
      [
        'req',
        '-new',
        '-nodes',
        '-subj',
        subject,
        '-keyout',
        `${name}.key`,
        '-out',
        `${name}.cert`,
        ...options,
      ],
      { cwd: this.#folder, stdio: ['ignore', 'pipe', 'pipe'] },
    )
    return { cert: this.#read(`${name}.cert`), key: this.#read(`${name}.key`) }
  }

  #path(file: string): string {
    return join(this.#folder, file)
  }

  #read(file: string): string {
    return readFileSync(this.#path(file), 'utf8')
  }
}

const RSA_KEY = ['-newkey', 'rsa:2048']
const EC_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1']

function caConfig(folder: string, extensions: readonly string[]): string {
  return `[ca]
default_ca = apple
[apple]
database = ${folder}/index.txt
serial = ${folder}/serial
new_certs_dir = ${folder}
default_md = sha256
policy = any
unique_subject = no
[any]
UID = optional
CN = optional
[marks]
basicConstraints = CA:FALSE
${extensions.join('\n')}
`
}
