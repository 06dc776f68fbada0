/** A link as an image that cameras read: an SVG of its own, black on white in whatever colours it is shown. */
import { toString as draw } from 'qrcode'

/** Four modules of quiet around it, as ISO/IEC 18004 asks for. */
const QUIET_MODULES = 4

export function qrSvg(text: string): Promise<string> {
  return draw(text, { type: 'svg', errorCorrectionLevel: 'M', margin: QUIET_MODULES })
}
