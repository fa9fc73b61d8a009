/**
 * Every error a caller can see, in one list: HTTP status, OpenAI `type`, and a
 * message that says what was wrong and what to do about it.
 *
 * Four families: not found (404), refused (4xx), busy (429/503, with
 * Retry-After), broken (5xx). `{slots}` are filled by the one who throws; the
 * compiler knows their names.
 */
const catalogue = {
  // not found
  model_not_found: [404, 'invalid_request_error', "The model '{model}' does not exist or this key may not use it. GET /v1/models lists what is served."],
  not_found: [404, 'invalid_request_error', 'Nothing answers {method} {path}. GET /openapi.json lists every route.'],
  key_not_found: [404, 'invalid_request_error', "There is no key '{id}'. GET /admin/keys lists them."],
  token_not_found: [404, 'invalid_request_error', "There is no token '{id}' of this key. GET /v1/tokens lists them."],
  completion_not_found: [404, 'invalid_request_error', "There is no stored completion '{id}', or it is not yours. GET /v1/chat/completions lists them."],
  choice_not_found: [404, 'invalid_request_error', "The completion '{id}' has no answer {choice}: it has {count}, counted from 0."],
  session_not_found: [404, 'invalid_request_error', "There is no session '{session}' on record, or it is not yours. The answers' engraft.session names it."],
  memory_not_found: [404, 'invalid_request_error', "There is no memory '{id}' of this user. GET /v1/memories lists them."],
  dataset_not_found: [404, 'invalid_request_error', "There is no data set '{id}'. GET /admin/datasets lists them."],
  training_not_found: [404, 'invalid_request_error', "There is no training run '{id}'. GET /admin/training lists them."],
  adapter_not_found: [404, 'invalid_request_error', "There is no adapter '{adapter}'. GET /admin/adapters lists them."],
  adapter_not_live: [404, 'invalid_request_error', "The adapter '{adapter}' is not live: no version of it has been promoted. POST /admin/adapters/{adapter}/promote does that, or name a version ({adapter}@1)."],
  canary_not_found: [404, 'invalid_request_error', "There is no canary of '{adapter}'. POST /admin/adapters/{adapter}/canary begins one."],
  loop_not_found: [404, 'invalid_request_error', "There is no loop '{name}'. GET /admin/loop lists them."],
  base_not_served: [404, 'invalid_request_error', "'{adapter}' is an adapter of the base '{base}', which this server does not serve now. Start it with that base (--model), or name another adapter."],

  // refused: who is asking
  invalid_api_key: [401, 'authentication_error', 'The API key is missing, unknown, expired or revoked. Send it as `Authorization: Bearer ek_…`; `engraft keys create` makes one.'],
  forwarded_request: [401, 'authentication_error', 'This request was forwarded by a proxy ({header}), so it does not come from this machine. Keyless access is for programs on this machine only: send an API key.'],
  insufficient_scope: [403, 'permission_error', "This key lacks the scope '{scope}'."],
  foreign_origin: [403, 'permission_error', 'Web pages of {origin} may not call this server. Start it with --allow-origin {origin} to let them.'],
  foreign_host: [403, 'permission_error', "The Host header '{host}' does not name this machine. Keyless access is for loopback addresses only: send an API key."],
  token_denied: [403, 'permission_error', 'This key speaks for one user only, so it makes no tokens: ask with a key of the application.'],
  user_mismatch: [403, 'permission_error', 'This key, or the header x-engraft-user, speaks for one user, and the request names another.'],
  user_erased: [409, 'invalid_request_error', 'This answer was ended, and is incomplete, because everything that was kept of its user has been erased. Nothing of it is kept: send the request again to begin anew.'],
  memory_off: [403, 'permission_error', 'Memories of this user may not be {used}: their own policy or that of this key forbids it. GET /v1/users/{user} shows both.'],

  // refused: what is asked
  invalid_json: [400, 'invalid_request_error', 'The body is not valid JSON: {detail}'],
  invalid_request: [400, 'invalid_request_error', '{detail}'],
  unsupported_field: [400, 'invalid_request_error', "'{field}' is not supported by this server yet: leave it out."],
  unsupported_value: [400, 'invalid_request_error', "'{field}' cannot be {value} on this server yet: {remedy}"],
  too_many_messages: [400, 'invalid_request_error', 'The conversation has {count} messages; this server takes at most {limit}. Drop the oldest ones.'],
  context_length_exceeded: [400, 'invalid_request_error', "This model's context is {limit} tokens, and the prompt alone has {count}. Shorten the messages, or start the server with a larger --context."],
  token_limit_exceeded: [400, 'invalid_request_error', "'max_tokens' asks for {count} tokens; this server allows at most {limit} an answer."],
  too_many_choices: [400, 'invalid_request_error', "'n' asks for {count} answers; this server gives at most {limit} to one request."],
  unsupported_schema: [400, 'invalid_request_error', 'No answer can be held to this schema, at {at}: {detail}'],
  invalid_schema: [400, 'invalid_request_error', 'The schema is wrong at {at}: {detail}'],
  template_failed: [400, 'invalid_request_error', "The model's chat template refuses this conversation: {detail}"],
  tools_unsupported: [400, 'invalid_request_error', "This model's way to call tools is not known, so it cannot choose by itself: send tool_choice 'required', or name one tool."],
  effort_unsupported: [400, 'invalid_request_error', "This model does not reason, so reasoning_effort cannot be '{effort}': leave it out, or send 'none'."],
  user_required: [400, 'invalid_request_error', "Memories belong to an end user and this request names none: send the header x-engraft-user, or 'user' ({place}), or use a key that is bound to a user."],
  invalid_memory: [400, 'invalid_request_error', 'This cannot be remembered: {detail}.'],
  memory_too_large: [413, 'invalid_request_error', 'A memory can have at most {limit} characters: send the text in several ones.'],
  import_invalid: [400, 'invalid_request_error', 'Line {line} of this file cannot be brought in: {detail}. Lines before it may be in already: send the whole file again, nothing is written twice.'],
  import_incomplete: [400, 'invalid_request_error', 'This file ends before the last line of the export, so something is missing. What has arrived is in: send the whole file again, nothing is written twice.'],
  import_damaged: [400, 'invalid_request_error', 'This file is not as it was exported: its last line tells of other bytes. Its lines are in all the same: export again and send that, nothing is written twice.'],
  feedback_too_large: [413, 'invalid_request_error', "'{field}' can have at most {limit} characters: leave out what is no part of the better answer."],
  not_stored: [409, 'invalid_request_error', "What was said in '{subject}' is not kept (the request or a policy said so), so no words about it and no preference are either: send a thumb, a rating or an outcome, without a comment."],
  preference_apart: [400, 'invalid_request_error', 'The two answers of a preference must be of one session: name two answers that the same conversation had.'],
  idempotency_conflict: [409, 'invalid_request_error', 'This idempotency-key came with other feedback before: send a new key with what is new.'],
  unsupported_media_type: [415, 'invalid_request_error', 'Send the body as application/json.'],
  uri_too_long: [414, 'invalid_request_error', 'A part of the path is longer than {limit} characters.'],
  headers_too_large: [431, 'invalid_request_error', 'The headers are larger than this server takes (16 KiB).'],
  payload_too_large: [413, 'invalid_request_error', 'The body is larger than {limit} bytes, the most this server takes. Raise --body-limit, or send less.'],
  request_timeout: [408, 'invalid_request_error', 'The request did not arrive in full within {seconds} s.'],
  upgrade_required: [426, 'invalid_request_error', 'This address speaks WebSocket: connect to it with ws://, or POST /v1/chat/completions.'],
  invalid_frame: [400, 'invalid_request_error', 'This frame cannot be used: {detail}'],
  id_in_use: [409, 'invalid_request_error', "An answer with the id '{id}' is already under way on this socket: choose another id, or wait for its end."],
  model_in_use: [409, 'invalid_request_error', "The model '{model}' is answering {count} requests and cannot be unloaded now: try again when they have ended."],

  // refused: data sets
  dataset_not_ready: [409, 'invalid_request_error', "The data set '{dataset}' is {state}, so it has no rows. GET /admin/datasets/{id} says how it stands."],
  dataset_empty: [422, 'invalid_request_error', "No row is left for the data set '{dataset}'. POST /admin/datasets/preview says what was dropped and why."],
  dataset_leaks: [422, 'invalid_request_error', "The data set '{dataset}' was not built, because what it is tested with is among what would be learnt from: {people} people and {copies} near copies of test rows. Switch the filter 'decontamination' on again, or give the data set another name to hold other people out."],
  dataset_unsettled: [409, 'invalid_request_error', "The data set '{dataset}' was not built, because answers or memories it is made of were removed again and again meanwhile. Build it again."],
  // refused: adapters
  name_invalid: [400, 'invalid_request_error', "'{name}' cannot be a name: use letters, digits, '.', '_' and '-', beginning with a letter or digit, at most 100."],
  name_taken: [409, 'invalid_request_error', "'{name}' is the name of a base model: bases and adapters share one name space, so choose another."],
  adapter_in_use: [409, 'invalid_request_error', "'{adapter}' is {detail}, so it cannot be removed now."],
  canary_running: [409, 'invalid_request_error', "A canary of '{adapter}' is under way. GET /admin/adapters/{adapter}/canary shows it; DELETE ends it."],
  canary_over: [409, 'invalid_request_error', "The canary of '{adapter}' cannot be extended: {detail}."],
  no_previous_version: [409, 'invalid_request_error', "'{adapter}' has no earlier live version to go back to."],
  adapter_malformed: [422, 'invalid_request_error', 'This file is not a usable GGUF file: {detail}.'],
  adapter_wrong_type: [422, 'invalid_request_error', 'This file is not a LoRA adapter: {detail}.'],
  adapter_wrong_architecture: [422, 'invalid_request_error', "This adapter is for the architecture '{found}', but the base '{base}' is '{expected}'."],
  adapter_wrong_shape: [422, 'invalid_request_error', "This adapter does not fit the base '{base}': {detail}."],
  adapter_incomplete: [422, 'invalid_request_error', 'This adapter is incomplete: {detail}.'],
  adapter_wrong_base: [409, 'invalid_request_error', "This adapter declares that it was trained for another base ({found}) than '{base}' ({expected}). Upload it under that base."],
  base_changed: [409, 'invalid_request_error', "'{adapter}' was checked on another file of the base '{base}' (sha256 {expected}) than the one served now ({found}). Serve that file, or upload the adapter again and promote its new version."],
  adapter_not_finite: [422, 'invalid_request_error', 'This adapter holds weights that are not finite numbers ({detail}): its training went wrong.'],
  adapter_load_failed: [422, 'invalid_request_error', 'The engine cannot load this adapter: {detail}.'],
  adapter_no_effect: [422, 'invalid_request_error', 'This adapter does nothing: {detail}.'],
  adapter_too_large: [413, 'invalid_request_error', 'The adapter is larger than {limit} bytes, the most this server takes. Raise --adapter-limit.'],
  source_failed: [422, 'invalid_request_error', 'The adapter could not be fetched: {detail}'],
  upload_cut: [400, 'invalid_request_error', 'The upload ended before the file was complete; nothing of it was kept. Send it again.'],

  // refused: data sets
  not_for_training: [409, 'invalid_request_error', "No data set may be made of '{id}': its user or its request said so, or its text was not kept. PATCH /v1/users/{user} allows it for what comes."],
  review_empty: [400, 'invalid_request_error', "An edited answer must say something: send the better answer as 'answer', or reject it."],
  export_refused: [422, 'invalid_request_error', 'A file of the format {format} would be refused by whoever reads it: {detail}.'],
  range_not_satisfiable: [416, 'invalid_request_error', 'The file has {size} bytes, and none of what the range asks for. Ask for it without a range.'],
  schedule_not_found: [404, 'invalid_request_error', "There is no schedule '{id}'. GET /admin/schedules lists them."],
  schedule_invalid: [400, 'invalid_request_error', '{detail}'],

  // refused: training
  training_not_done: [409, 'invalid_request_error', "The training run '{id}' is not done (it is {stage}), so there is nothing to read yet. GET /admin/training/{id} shows how far it is."],
  training_cancelled: [409, 'invalid_request_error', "The training run '{id}' was cancelled. Start another one."],
  training_too_few: [422, 'invalid_request_error', 'This data set has {rows} rows to train on, and fewer than {limit} teach nothing reliable: put examples in the prompt instead, or collect more feedback.'],
  training_none_held: [422, 'invalid_request_error', 'No row of people who were held out fits into the context of this base, so nothing would show what an adapter has gained. Build the data set with more people, or start the server with a larger --context.'],
  training_bad_input: [422, 'invalid_request_error', 'The trainer refuses this job: {detail}.'],
  training_bad_base: [422, 'invalid_request_error', 'This base cannot be trained: {detail}.'],
  training_diverged: [422, 'invalid_request_error', 'The training diverged: {detail}. Nothing of it is kept.'],
  training_bad_result: [502, 'server_error', 'What the trainer gave back is refused: {detail}. Nothing of it is used.'],

  // refused: loops
  loop_invalid: [400, 'invalid_request_error', '{detail}'],
  loop_running: [409, 'invalid_request_error', "Round {number} of the loop '{name}' is under way ({step}). GET /admin/loop shows it; POST /admin/loop/decide ends it."],
  loop_paused: [409, 'invalid_request_error', "The loop '{name}' is paused. POST /admin/loop/pause lets it go on."],
  loop_not_waiting: [409, 'invalid_request_error', "The loop '{name}' waits for nobody's decision now: {detail}"],

  // busy
  rate_limit_exceeded: [429, 'rate_limit_error', 'This {subject} has used its {limit} requests a minute. Try again in {seconds} s.'],
  token_budget_exceeded: [429, 'rate_limit_error', 'This key has used its {limit} tokens a day. Try again in {seconds} s.'],
  too_many_tokens: [429, 'rate_limit_error', 'This key has {limit} tokens that are valid: wait until some expire, or revoke some.'],
  too_many_answers: [429, 'rate_limit_error', 'This socket already has {limit} answers under way: wait for one to end.'],
  too_many_sockets: [503, 'overloaded_error', 'This server already holds {limit} sockets: try again in {seconds} s.'],
  queue_full: [503, 'overloaded_error', 'All slots are busy and {count} requests wait already. Try again in {seconds} s.'],
  queue_timeout: [503, 'overloaded_error', 'No slot came free within {waited} s. Try again in {seconds} s.'],
  shutting_down: [503, 'overloaded_error', 'The server is shutting down. Try again in {seconds} s.'],
  model_loading: [503, 'overloaded_error', "The model '{model}' is not ready: {detail}. Try again in {seconds} s."],
  weights_changed: [503, 'server_error', 'Another version of the model went live while the prompts of this request were answered, and one reply names one version. Send it again.'],
  adapter_drained: [503, 'server_error', "This answer was ended, and is incomplete, because it was still under way on '{adapter}' {seconds} s after that version went off. Send the request again for what is live now, or raise --drain-timeout."],
  engine_died: [503, 'server_error', "The engine of '{model}' stopped in the middle of this answer, which is therefore incomplete. It is being restarted: send the request again."],

  // broken
  generation_timeout: [504, 'server_error', 'The answer was not complete within {seconds} s and was ended. Ask for fewer tokens, or raise --answer-timeout.'],
  incomplete_answer: [500, 'server_error', 'The engine ended without saying that it was done; the answer is incomplete.'],
  generation_failed: [500, 'server_error', "The engine could not go on with this answer. The server's log has the cause under this request's id."],
  adapter_damaged: [500, 'server_error', "The file of '{adapter}' no longer has the digest it was registered with, so it is not loaded. Upload it again."],
  export_full: [507, 'server_error', 'The disk that holds {folder} is full. No half file was left there: free some space and export again.'],
  export_failed: [503, 'server_error', '{folder} cannot be written ({detail}). No half file was left there: see that this account may write there, and export again.'],
  dataset_damaged: [500, 'server_error', "The data set '{dataset}' is not what was built: {detail}. Build it again, or restore a backup."],
  python_missing: [503, 'server_error', 'Training needs Python 3.11 or newer with venv and pip: {detail}. Install it (Debian and Ubuntu: apt install python3 python3-venv python3-pip; macOS: brew install python), or name one in ENGRAFT_PYTHON. Everything but training works without it.'],
  python_setup_failed: [503, 'server_error', 'What training needs could not be installed in {folder}: {detail}. Nothing half done is used: see to the cause and set it up again.'],
  training_memory: [507, 'server_error', 'The training needs more memory than it may have: {detail}. What was trained so far is kept; lower hyper.batch or hyper.max_len, or free memory and start it again.'],
  training_failed: [500, 'server_error', 'The trainer ended before it was done: {detail}. What was trained so far is kept.'],
  storage_full: [507, 'server_error', 'The disk that holds the data folder is full. Nothing was changed: free some space and try again.'],
  storage_failed: [503, 'server_error', "The data folder cannot be written. The server's log has the cause."],
  internal_error: [500, 'server_error', "Something went wrong here, not with your request. The server's log has the cause under this request's id."]
} as const satisfies Record<string, readonly [status: number, type: string, message: string]>

export type ErrorCode = keyof typeof catalogue
type Slots<M extends string> = M extends `${string}{${infer Name}}${infer Rest}` ? Name | Slots<Rest> : never
type Fill<C extends ErrorCode> = { readonly [K in Slots<(typeof catalogue)[C][2]>]: string | number }

/** What every failed request is answered with, on HTTP, in a stream and on a WebSocket. */
export interface WireError {
  readonly error: { readonly message: string, readonly type: string, readonly param: string | null, readonly code: string }
}

export interface Extra {
  /** The field of the request that is at fault, in OpenAI's dotted form. */
  readonly param?: string
  /** Whole seconds; becomes the header Retry-After. */
  readonly retryAfter?: number
  readonly cause?: unknown
}

/** An error that may be shown to the caller as it is. Anything else is shown as `internal_error`. */
export class PublicError extends Error {
  override readonly name = 'PublicError'
  readonly code: ErrorCode
  readonly status: number
  readonly type: string
  readonly param: string | null
  readonly retryAfter: number | null

  private constructor (code: ErrorCode, message: string, extra: Extra) {
    super(message, extra.cause === undefined ? undefined : { cause: extra.cause })
    this.code = code
    this.status = catalogue[code][0]
    this.type = catalogue[code][1]
    this.param = extra.param ?? null
    this.retryAfter = extra.retryAfter ?? null
  }

  static of<C extends ErrorCode> (code: C, fill: Fill<C>, extra: Extra = {}): PublicError {
    const slots: Record<string, string | number> = fill
    return new PublicError(code, catalogue[code][2].replace(/\{(\w+)\}/g, (_, name: string) => String(slots[name])), extra)
  }

  /** Rebuilds an error that crossed a process boundary as its code and message. */
  static revive (code: ErrorCode, message: string, extra: Extra = {}): PublicError {
    return new PublicError(code, message, extra)
  }

  toJSON (): WireError {
    return { error: { message: this.message, type: this.type, param: this.param, code: this.code } }
  }
}

/** Shorthand for the one way errors are made: `throw problem('model_not_found', { model })`. */
export const problem = PublicError.of

/** The error to show for anything that was thrown: itself when it is public, else `internal_error` with it as the cause. */
export function publicError (thrown: unknown): PublicError {
  return thrown instanceof PublicError ? thrown : problem('internal_error', {}, { cause: thrown })
}

export const errorCodes = Object.keys(catalogue) as ErrorCode[]
