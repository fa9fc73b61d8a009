/** A GGUF file that cannot be used. `reason` is a clause for people that follows the path. */
export class GgufError extends Error {
  override readonly name = 'GgufError'
  readonly path: string
  readonly reason: string
  constructor (path: string, reason: string) {
    super(`${path} cannot be used: ${reason}.`)
    this.path = path
    this.reason = reason
  }
}
