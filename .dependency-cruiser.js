/**
 * The import law (CONTRIBUTING.md says it in words). `npm run law` checks it.
 *
 * Each room: the files that others may import (its doors), and the rooms it
 * may know. A room that is not here may be known by none.
 */
const rooms = {
  access: { doors: ['audit', 'caller', 'keys', 'limits', 'tokens'], knows: ['database'] },
  adapters: { doors: ['adapters', 'directory'], knows: ['access', 'database', 'gguf', 'inference'] },
  backup: { doors: ['manifest'], knows: ['database'] },
  canary: { doors: ['canaries'], knows: ['access', 'adapters', 'database'] },
  chat: { doors: ['answer', 'count', 'embed', 'growing', 'keeping'], knows: ['access', 'adapters', 'inference', 'interactions', 'memory', 'privacy'] },
  cli: { doors: [], knows: ['access', 'backup', 'models'] },
  database: { doors: ['database', 'reader', 'sql'], knows: [] },
  datasets: { doors: ['buckets', 'card', 'curation/decontamination', 'curation/personal/pseudonyms', 'curation/refusal', 'curation/rude', 'curation/texts', 'datasets', 'due', 'exports/exports', 'exports/format', 'exports/writing', 'fresh', 'review', 'row', 'schedule', 'topics'], knows: ['database', 'inference', 'interactions', 'memory', 'privacy'] },
  gguf: { doors: ['reader'], knows: [] },
  grammar: { doors: ['grammar'], knows: [] },
  inference: { doors: ['bases', 'engine', 'target'], knows: ['grammar'] },
  interactions: { doors: ['chain', 'feedback', 'ids', 'interactions', 'kept', 'rows'], knows: ['database', 'inference'] },
  lineage: { doors: ['lineage'], knows: ['database'] },
  memory: { doors: ['block', 'embedder', 'memories', 'profile/frame', 'profile/profile', 'stop-words'], knows: ['database', 'interactions'] },
  models: { doors: ['models'], knows: ['gguf'] },
  privacy: { doors: ['erasures', 'export', 'forgetting', 'import', 'people', 'policies', 'portable', 'retention', 'secrets/masked'], knows: ['database', 'interactions', 'memory'] },
  server: { doors: [], knows: ['access', 'adapters', 'canary', 'chat', 'datasets', 'grammar', 'inference', 'interactions', 'lineage', 'memory', 'privacy', 'training'] },
  training: { doors: ['check', 'loops', 'measured', 'training', 'verdict'], knows: ['access', 'adapters', 'canary', 'database', 'datasets', 'gguf', 'inference', 'lineage', 'memory', 'privacy'] }
}

/** Doors that hold pure functions and open nothing: their values may be imported. All others give types only. */
const pure = ['access/audit', 'access/caller', 'chat/growing', 'database/sql', 'datasets/buckets', 'datasets/card', 'datasets/curation/decontamination', 'datasets/curation/personal/pseudonyms', 'datasets/curation/refusal', 'datasets/curation/rude', 'datasets/curation/texts', 'datasets/due', 'datasets/exports/format', 'datasets/fresh', 'datasets/topics', 'gguf/reader', 'grammar/grammar', 'inference/target', 'interactions/chain', 'interactions/kept', 'interactions/rows', 'memory/block', 'memory/memories', 'memory/profile/frame', 'memory/stop-words', 'privacy/secrets/masked']

/** Each package that the server is made of, and the one folder or file that names it. */
const homes = {
  '@fastify/[^/]+': 'src/server/',
  '@huggingface/jinja': 'src/inference/llama/',
  '@huggingface/tokenizers': 'src/memory/onnx/',
  '@secretlint/secretlint-rule-preset-recommend': 'src/privacy/secrets/',
  asciichart: 'src/cli/',
  'better-sqlite3': 'src/database/',
  'chrono-node': 'src/memory/dates.ts',
  'cli-progress': 'src/cli/',
  'close-with-grace': 'src/main.ts',
  commander: 'src/cli/',
  compromise: 'src/datasets/curation/personal/lexicon.ts',
  croner: 'src/datasets/due.ts',
  'd3-scale': 'src/training/report/',
  'd3-shape': 'src/training/report/',
  eld: 'src/datasets/curation/language.ts',
  fastify: 'src/server/',
  'fastify-plugin': 'src/server/',
  kysely: 'src/database/',
  'node-llama-cpp': 'src/inference/llama/native.ts',
  obscenity: 'src/datasets/curation/rude.ts',
  'onnxruntime-node': 'src/memory/onnx/',
  'prom-client': 'src/server/',
  'rate-limiter-flexible': 'src/access/',
  'sqlite-vec': 'src/memory/sqlite/',
  stemmer: 'src/memory/text.ts',
  typebox: 'src/(?:server/|config.ts)',
  yauzl: 'src/models/sources/'
}

/** Packages whose types, which are gone when the code runs, may be named anywhere. */
const typesAnywhere = ['fastify', 'kysely']

const composition = '^src/(?:main|serve|learning|remembering|diagnosis)\\.ts$'
const drivers = '^src/(?:inference/llama|database/(?!database\\.ts|sql\\.ts)|models/|gguf/|adapters/(?!adapters\\.ts|directory\\.ts)|memory/(?!memories\\.ts|embedder\\.ts|block\\.ts|profile/profile\\.ts))'
/** Files that start a process or a thread of their own, so that no import leads to them. */
const entries = '^src/(?:main|inference/llama/child|database/worker|datasets/thread|memory/thread)\\.ts$'
/** What a thread runs is put together in it. */
const threads = '^src/(?:datasets|memory)/thread\\.ts$'

const any = list => list.length === 0 ? '$.' : `(?:${list.join('|')})`
const doorsOf = names => names.flatMap(name => rooms[name].doors.map(door => `${name}/${door}`))

/** What a room may import of other rooms, and how. */
function lawOf ([room, { knows }]) {
  const here = { path: `^src/${room}/` }
  const open = doorsOf(knows)
  return [
    {
      name: `${room}-knows-only-${knows.join('-and-') || 'itself'}`,
      comment: 'Rooms know each other only through the doors of the rooms they may know.',
      severity: 'error',
      from: here,
      to: { path: '^src/[^/]+/', pathNot: [`^src/${room}/`, `^src/${any(open)}\\.ts$`] }
    },
    {
      name: `${room}-takes-only-types`,
      comment: 'What another room does comes in through a port, given by the composition; only its types are imported.',
      severity: 'error',
      from: { ...here, pathNot: threads },
      to: { path: '^src/[^/]+/', pathNot: [`^src/${room}/`, `^src/${any(pure)}\\.ts$`], dependencyTypesNot: ['type-only'] }
    }
  ]
}

function homeOf ([name, home]) {
  return {
    name: `${name.split('/[')[0]}-has-one-home`,
    comment: `Only ${home} names ${name}, so that it can be replaced there.`,
    severity: 'error',
    from: { path: '^src/', pathNot: `^${home}` },
    to: { path: `node_modules/${name}/`, ...(typesAnywhere.includes(name) && { dependencyTypesNot: ['type-only'] }) }
  }
}

export default {
  forbidden: [
    { name: 'no-circles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-orphans',
      comment: 'Code that nothing leads to is dead.',
      severity: 'error',
      from: { path: entries },
      to: { path: '^src/', pathNot: entries, reachable: false }
    },
    {
      name: 'every-room-has-a-law',
      comment: 'A new room is entered in the list above.',
      severity: 'error',
      from: { path: '^src/[^/]+/', pathNot: `^src/${any(Object.keys(rooms))}/` },
      to: {}
    },
    ...Object.entries(rooms).flatMap(lawOf),
    ...Object.entries(homes).map(homeOf),
    {
      name: 'every-package-has-a-home',
      comment: 'A new dependency is entered in the list above.',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: 'node_modules/', dependencyTypesNot: ['type-only'], pathNot: `node_modules/${any(Object.keys(homes))}/` }
    },
    {
      name: 'only-the-composition-knows-the-server',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/server/', composition] },
      to: { path: '^src/server/' }
    },
    {
      name: 'nothing-imports-the-composition',
      severity: 'error',
      from: { path: '^src/', pathNot: composition },
      to: { path: composition }
    },
    {
      name: 'ports-know-no-driver',
      comment: 'The port and what is built on it must work with any engine.',
      severity: 'error',
      from: { path: '^src/inference/[^/]+\\.ts$' },
      to: { path: '^src/inference/llama/' }
    },
    {
      name: 'chat-knows-no-driver',
      severity: 'error',
      from: { path: '^src/chat/' },
      to: { path: drivers }
    },
    {
      name: 'errors-and-settings-know-nobody',
      severity: 'error',
      from: { path: '^src/(?:errors|config)\\.ts$' },
      to: { path: '^src/' }
    },
    {
      name: 'no-development-package-in-the-product',
      comment: 'Types are gone when the code runs; anything else would be missing from an installation.',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] }
    },
    { name: 'no-tests-in-the-product', severity: 'error', from: { path: '^src/' }, to: { path: '^(?:test|bench|examples)/' } },
    { name: 'everything-resolves', severity: 'error', from: {}, to: { couldNotResolve: true } }
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    // Types count too, and are told apart from what runs.
    tsPreCompilationDeps: 'specify',
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { conditionNames: ['import', 'node', 'default', 'types'], exportsFields: ['exports'] }
  }
}
