/** A model that cannot be had or used. The message is for the operator and ends in what to do. */
export class ModelError extends Error {
  override readonly name = 'ModelError'
}

/** One source's failure; the next source may do better. The message is a clause: what was wrong. */
export class SourceError extends Error {
  override readonly name: string = 'SourceError'
}

/** The line broke, not the source: asking again may help. */
export class CutError extends SourceError {
  override readonly name = 'CutError'
}

/** A file that is not what it is for. `reason` is a clause for people that follows the path. */
export class UnfitError extends Error {
  override readonly name = 'UnfitError'
  readonly reason: string
  constructor (path: string, reason: string, options?: ErrorOptions) {
    super(`${path} cannot be used: ${reason}.`, options)
    this.reason = reason
  }
}
