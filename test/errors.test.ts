import { test } from 'tap'
import { PublicError, errorCodes, problem, publicError } from '../src/errors.ts'

test('every error has a four-hundred or five-hundred status and a message that ends in a full stop', async t => {
  for (const code of errorCodes) {
    const error = PublicError.of(code as 'internal_error', new Proxy({}, { get: () => 'X.' }))
    t.ok(error.status >= 400 && error.status < 600, `${code} has an error status`)
    t.match(error.message, /[.}]$/, `${code} is a sentence`)
  }
})

test('a message names what its thrower filled in', async t => {
  const error = problem('model_not_found', { model: 'gpt-9' }, { param: 'model' })
  t.match(error.message, /'gpt-9'/)
  t.strictSame(error.toJSON().error, { message: error.message, type: 'invalid_request_error', param: 'model', code: 'model_not_found' })
})

test('what was not meant for callers is shown as internal_error and keeps its cause', async t => {
  const cause = new Error('SQLITE_CORRUPT: secret path')
  const shown = publicError(cause)
  t.equal(shown.code, 'internal_error')
  t.equal(shown.cause, cause)
  t.notMatch(JSON.stringify(shown), /secret/)
})
