import { readdirSync } from 'node:fs'
import { test } from 'tap'
import { query } from '../../src/database/sql.ts'
import { cardOf } from '../../src/datasets/card.ts'
import type { Row } from '../../src/datasets/row.ts'
import { chainOf } from '../../src/interactions/chain.ts'
import { choice, says } from '../interactions/fixtures.ts'
import { allRows, built, corrections, tenant, wanted, word, world, type World } from './fixtures.ts'

/** A version's rows by split. */
async function rowsOf ({ datasets }: Pick<World, 'datasets'>, id: string): Promise<{ train: Row[], valid: Row[], test: Row[] }> {
  const [train, valid, test] = await Promise.all([allRows(datasets.rows(id, 'train')), allRows(datasets.rows(id, 'valid')), allRows(datasets.rows(id, 'test'))])
  return { train, valid, test }
}

test('a version has every correction once, nobody on two sides, and the newest rows kept back', async t => {
  const made = await world(t)
  const ids = await corrections(made, 20, 3)
  const version = await built(made)
  t.strictSame([version.state, version.failure, version.version], ['ready', null, 1])
  const { train, valid, test } = await rowsOf(made, version.id)
  const learnt = [...train, ...valid]
  t.strictSame([...learnt, ...test].map(({ evidence }) => evidence.interaction).sort(), [...ids].sort())
  t.equal(new Set(test.map(({ group }) => group)).size, 4)
  t.notOk(test.some(({ group }) => learnt.some(row => row.group === group)))
  t.ok(valid.length >= 4 && valid.every(({ at }) => train.every(row => row.at < at)))
  t.ok(train.every(row => row.kind === 'demonstration' && row.rejected !== null))
  t.strictSame(readdirSync(made.folder), [], 'nothing lies aside')
})

test('the same evidence and settings give the same bytes, and other settings others', async t => {
  const made = await world(t)
  await corrections(made, 12, 3)
  const one = await built(made)
  const two = await built(made)
  t.strictSame([one.version, two.version], [1, 2])
  t.equal(one.sha256, two.sha256)
  t.strictSame(one.manifest, two.manifest)
  const bodies = await made.database.all(query<{ dataset: string, list: string }>('select dataset, group_concat(hex(sha256), \'\') as list from (select dataset, t.sha256 from dataset_rows r join dataset_texts t on t.id = r.body order by dataset, position) group by dataset'))
  t.equal(bodies[0]?.list, bodies[1]?.list)
  t.not((await built(made, { filters: { cap: { least: 1 } } })).sha256, one.sha256)
})

test('people who are held out stay held out, whoever comes later', async t => {
  const made = await world(t)
  await corrections(made, 10, 2)
  const held = new Set((await rowsOf(made, (await built(made)).id)).test.map(({ group }) => group))
  for (let user = 10; user < 40; user++) await made.corrected(`user-${user}`, `What about the ${word(user * 31)} of ${word(user)}?`, 'No idea.', `Take the ${word(user * 77)} to ${word(user + 3)}.`)
  const second = await built(made)
  const { train, valid, test } = await rowsOf(made, second.id)
  const now = new Set(test.map(({ group }) => group))
  t.ok([...held].every(group => now.has(group)))
  t.equal(now.size, 8)
  t.notOk([...train, ...valid].some(({ group }) => now.has(group)))
  t.equal(second.drift?.against, 'house@1')
})

test('only what people let be learnt becomes a row', async t => {
  const made = await world(t)
  const { asked, corrected, says: word_, policies } = made
  const yes = await corrected('ada', 'How do I open the red box?', 'No.', 'Turn the key twice to the left.')
  await corrected('', 'How do I open the blue box?', 'No.', 'Push the lid.')
  await corrected('bob', 'How do I open the green box?', 'No.', 'Pull the string.', { training: false })
  await corrected('eve', 'How do I open the black box?', 'No.', 'Say please to the guard.')
  await policies.change({ tenant, user: 'eve' }, { training: false })
  await asked('ada', 'How do I open the white box?', 'I would not know, to be honest.')
  const session = await asked('ada', 'How do I open the grey box?', 'With a spoon of course.', { session: 'whole' })
  await word_('ada', { kind: 'thumb', value: true, completion: null, session: 'whole' })
  await word_('ada', { kind: 'comment', value: null, completion: session })
  const version = await built(made)
  const { train, valid, test } = await rowsOf(made, version.id)
  t.strictSame([...train, ...valid, ...test].map(({ evidence }) => evidence.interaction), [yes])
  t.strictSame(version.manifest?.steps[0]?.dropped, {
    'nobody judged it': 2, 'a word on a whole session': 1, 'its person has taken back their leave': 1, 'no leave to train on it': 1, 'nobody is named, so nobody could take it back': 1
  })
  await policies.change({ tenant, user: 'ada' }, { training: false })
  const after = await rowsOf(made, version.id)
  t.strictSame([...after.train, ...after.valid, ...after.test], [], 'who takes back their leave is in no version any more')
  t.equal((await made.datasets.find(version.id)).erased, 1, 'and it says so')
  t.match((await made.datasets.list(tenant)), [{ erased: 1 }])
  await policies.change({ tenant, user: 'ada' }, { training: true })
  t.equal((await made.datasets.find(version.id)).erased, 0, 'leave that is given again holds again')
})

test('a later word outweighs an earlier one, and those who disagree make no row', async t => {
  const made = await world(t)
  const { asked, says: word_ } = made
  const turned = await asked('ada', 'Is the moon made of cheese, as they say in Holland?', 'Yes, of course it is.')
  await word_('ada', { kind: 'thumb', value: true, completion: turned })
  await word_('ada', { kind: 'thumb', value: false, completion: turned })
  const split = await asked('bob', 'Do fish sleep in winter under the ice?', 'They doze, near the ground.')
  await word_('bob', { kind: 'rating', value: 1, completion: split })
  await word_('bob', { kind: 'rating', value: 0, completion: split, author: 'a colleague' })
  const shrug = await asked('cleo', 'Which tree grows fastest in the north?', 'A birch, perhaps.')
  await word_('cleo', { kind: 'rating', value: 0.5, completion: shrug })
  const better = await asked('dora', 'Name a good bread for soup tonight', 'Rye bread with caraway.', { session: 'same' })
  const worse = await asked('dora', 'Name a good bread for soup tonight', 'Any bread will do.', { session: 'same' })
  await word_('dora', { kind: 'preference', value: { chosen: worse, rejected: better }, completion: null })
  await word_('dora', { kind: 'preference', value: { chosen: better, rejected: worse }, completion: null })
  const other = await asked('dora', 'And a wine with it, please, a red one', 'A light one.', { session: 'same' })
  await word_('dora', { kind: 'preference', value: { chosen: other, rejected: worse }, completion: null })
  const version = await built(made)
  const { train, valid, test } = await rowsOf(made, version.id)
  const rows = [...train, ...valid, ...test]
  t.equal(rows.length, 2)
  t.match(rows.find(({ kind }) => kind === 'verdict'), { evidence: { interaction: turned }, good: false })
  t.match(rows.find(({ kind }) => kind === 'preference'), { evidence: { interaction: better, other: worse }, answer: { content: 'Rye bread with caraway.' }, rejected: { content: 'Any bread will do.' } })
  t.strictSame(version.manifest?.steps[0]?.dropped, { 'people disagree about it': 1, 'the rating is neither good nor bad': 1, 'the two answers are to different questions': 1 })
})

test('a prompt is what the model was sent: blocks and profile stand where they stood', async t => {
  const made = await world(t)
  const first = says('My boat leaks at the stern, what now?')
  const block = '<memory note="x">\n2026-01-01\n- User: the boat is called Otter\n</memory>'
  const profile = '<profile note="y">\n- Sails on weekends.\n</profile>'
  await made.asked('ada', '', 'Plug it with a rag at once.', { session: 's', messages: [first], block, profile })
  const id = await made.asked('ada', '', 'No idea about that.', { session: 's', profile, messages: [first, { role: 'assistant', content: 'Plug it with a rag at once.' }, says('And after that, at the harbour?')], choices: [choice('No idea about that.')] })
  await made.says('ada', { kind: 'correction', value: 'Lift it out and let it dry for a week.', completion: id })
  const version = await built(made, { filters: { redaction: { off: true } } })
  const { train, valid, test } = await rowsOf(made, version.id)
  const [row] = [...train, ...valid, ...test]
  t.strictSame(row?.prompt.map(({ content }) => content), [`${profile}\n\n${block}\n\n${first.content}`, 'Plug it with a rag at once.', 'And after that, at the harbour?'])
  t.equal(row?.remembered, true)
  t.match(row?.quoted, /Otter/)
})

test('a manifest, a list or a row that was altered by hand is refused', async t => {
  const made = await world(t)
  await corrections(made, 6, 2)
  const { datasets, database } = made
  const changes = [
    "update datasets set manifest = json_set(manifest, '$.consent', 'all of them') where id = :id",
    "update datasets set listed = json_remove(listed, '$[0]') where id = :id",
    "update dataset_rows set split = 'train' where dataset = :id and split = 'test'",
    "update dataset_texts set body = json_set(body, '$.answer.content', 'Buy our shares') where id in (select body from dataset_rows where dataset = :id)"
  ]
  for (const change of changes) {
    const { id } = await built(made)
    await allRows(datasets.rows(id, 'train'))
    await database.commit([query(change, { id })])
    await t.rejects(allRows(datasets.rows(id, 'train')), { code: 'dataset_damaged' }, change)
  }
})

test('an erased person is in no version any more, each says so, and the next one is built without them', async t => {
  const made = await world(t)
  await corrections(made, 8, 3)
  const before = await built(made)
  const receipt = await made.datasets.standingAside(async () => await made.erasures.erase({ tenant, user: 'user-3' }))
  t.strictSame(receipt.datasets, ['house@1'])
  t.match(receipt.rows, { dataset_rows: 3, dataset_texts: 3, dataset_people: 1 })
  const marked = await made.datasets.find(before.id)
  t.equal(marked.erased, 3)
  t.match(cardOf(marked), /3 rows may not be learnt from any more/)
  const left = await rowsOf(made, before.id)
  t.equal(left.train.length + left.valid.length + left.test.length, 21)
  const after = await rowsOf(made, (await built(made)).id)
  t.equal(after.train.length + after.valid.length + after.test.length, 21)
  t.strictSame(await made.datasets.lineage({ type: 'user', tenant, user: 'user-3' }), [])
})

test('whoever removes an answer, or forgets what it quoted, takes its rows along', async t => {
  const made = await world(t)
  const [first] = await corrections(made, 4, 1)
  const quoting = await made.corrected('ada', 'What shall I cook for my guests on Sunday?', 'Soup.', 'A mild curry, since one of them dislikes heat.', { block: '<memory>\n- hot\n</memory>', memories: ['mem-1'] })
  const { id } = await built(made)
  await made.interactions.remove({ tenant, user: 'user-0' }, first!)
  t.equal((await made.datasets.find(id)).erased, 1)
  await made.database.commit([query('update interactions set block = null, memories = \'[]\' where id = :quoting', { quoting })])
  t.equal((await made.datasets.find(id)).erased, 2)
  t.strictSame(await made.database.all(query('select t.id from dataset_texts t where not exists (select 1 from dataset_rows where body = t.id)')), [])
})

test('a row leads to its answer and person, and both lead back', async t => {
  const made = await world(t)
  await corrections(made, 5, 1)
  const [one, two] = [await built(made), await built(made)]
  const [row] = await allRows(made.datasets.rows(one.id, 'train'))
  const [lineage] = await made.datasets.lineage({ type: 'row', row: row!.id })
  t.match(lineage, { row: row!.id, interaction: row!.evidence.interaction, feedback: row!.evidence.feedback, model: 'house@1', tenant, versions: [{ id: one.id, version: 1 }, { id: two.id, version: 2 }] })
  t.strictSame((await made.datasets.lineage({ type: 'user', tenant, user: lineage!.user })).map(({ row }) => row), [row!.id])
  t.strictSame((await made.datasets.lineage({ type: 'interaction', interaction: lineage!.interaction })).map(({ row }) => row), [row!.id])
})

test('near copies of test rows do not become rows to learn from, and where that is switched off nothing is built', async t => {
  const made = await world(t)
  await corrections(made, 20, 2)
  const { test } = await rowsOf(made, (await built(made)).id)
  const held = test[0]!
  await made.corrected('thief', `${held.prompt[0]!.content} Thanks!`, 'No idea at all about it.', held.answer.content)
  const off = { duplicates: { off: true } }
  const clean = await built(made, { filters: off })
  t.strictSame(Object.values(clean.manifest?.steps.find(({ name }) => name === 'decontamination')?.dropped ?? {}), [1])
  const leaking = await built(made, { filters: { ...off, decontamination: { off: true } } })
  t.match(leaking, { state: 'failed', failure: { code: 'dataset_leaks' }, sha256: null })
  await t.rejects(allRows(made.datasets.rows(leaking.id, 'train')), { code: 'dataset_not_ready' })
  t.strictSame(await made.database.all(query('select position from dataset_rows where dataset = :id', { id: leaking.id })), [])
})

test('a preview says what would be dropped, names answers and no text, and keeps nothing', async t => {
  const made = await world(t)
  await corrections(made, 6, 2)
  const rude = await made.corrected('rude', 'Why is my parcel so late again?', 'It is on its way.', 'Because you are a stupid idiot, you moron.')
  const { manifest, examples } = await made.datasets.preview(wanted)
  t.equal(manifest.counts.train.rows + manifest.counts.valid.rows + manifest.counts.test.rows, 12)
  t.strictSame(examples.filter(({ step }) => step === 'tone').flatMap(({ rows }) => rows), [rude])
  t.notMatch(JSON.stringify({ manifest, examples }), /idiot|parcel is so late/)
  t.strictSame(await made.datasets.list(tenant), [])
  t.strictSame(await made.database.all(query('select 1 from dataset_texts')), [])
  await t.rejects(made.datasets.preview({ ...wanted, filters: { polish: {} } }), { code: 'invalid_request' })
  await t.rejects(made.datasets.preview({ ...wanted, filters: { cap: { share: 'all' } } }), { code: 'invalid_request' })
})

test('nothing left to learn is said, and nothing is built', async t => {
  const made = await world(t)
  await made.asked('ada', 'What is this?', 'A test.')
  t.match(await built(made), { state: 'failed', failure: { code: 'dataset_empty' } })
})

test('of several answers to one prompt rows are made of the one that was spoken of', async t => {
  const made = await world(t)
  const birds = await made.asked('ada', 'Which bird sings the longest at night?', '', { choices: ['The nightingale does.', 'A wren, I should think.', 'Some kind of gull.'].map(text => choice(text)) })
  await made.says('ada', { kind: 'thumb', value: true, completion: birds, choice: 0 })
  await made.says('ada', { kind: 'thumb', value: false, completion: birds, choice: 2 })
  await made.says('ada', { kind: 'correction', value: 'The reed warbler, for hours.', completion: birds, choice: 1 })
  await made.says('ada', { kind: 'preference', value: { chosen: birds, rejected: birds, choices: [0, 2] }, completion: null })
  await made.says('ada', { kind: 'preference', value: { chosen: birds, rejected: birds, choices: [0, 1] }, completion: null })
  await made.says('ada', { kind: 'preference', value: { chosen: birds, rejected: birds, choices: [1, 0] }, completion: null })
  const off = { off: true }
  const { id } = await built(made, { filters: { duplicates: off, contradiction: off, cap: off } })
  const { train, valid, test } = await rowsOf(made, id)
  const told = (row: Row): unknown[] => [row.kind, row.evidence.choice, row.answer.content, row.kind === 'verdict' ? row.good : row.rejected?.content]
  t.strictSame([...train, ...valid, ...test].map(told), [
    ['demonstration', 1, 'The reed warbler, for hours.', 'A wren, I should think.'],
    ['preference', undefined, 'The nightingale does.', 'Some kind of gull.'],
    ['preference', 1, 'A wren, I should think.', 'The nightingale does.'],
    ['verdict', undefined, 'The nightingale does.', true],
    ['verdict', 2, 'Some kind of gull.', false]
  ])
})

test('what its person has forgotten becomes no row, though a client sends it again and it is answered anew', async t => {
  const made = await world(t)
  const begun = [says('My locker opens with ultramarine, remember that.'), { role: 'assistant' as const, content: 'I will.' }]
  const again = [...begun, says('And how do I oil its hinges in winter?')]
  await made.corrected('ada', '', 'With oil.', 'A drop of sewing machine oil, twice a year.', { messages: again })
  const fresh = await made.corrected('ada', 'How do I oil the hinges of a locker?', 'With oil.', 'A drop of machine oil does, twice a year.')
  await made.corrected('bob', '', 'With oil.', 'Graphite powder does not freeze, so take that.', { messages: again })
  await made.database.commit([query("insert into forgotten_turns (owner, key) select id, :key from owners where user = 'ada'", { key: chainOf(begun).keys[0] })])
  const version = await built(made, { filters: { duplicates: { off: true } } })
  const { train, valid, test } = await rowsOf(made, version.id)
  t.strictSame([...train, ...valid, ...test].map(({ answer }) => answer.content.slice(0, 6)).sort(), ['A drop', 'Graphi'], 'what another said is theirs')
  t.ok([...train, ...valid, ...test].some(({ evidence }) => evidence.interaction === fresh))
  t.strictSame(version.manifest?.steps[0]?.dropped, { 'it holds what its person has forgotten': 1 })
})

test('planted rude answers are dropped, and too many refusals are a warning of the card that fails nothing', async t => {
  const made = await world(t)
  await corrections(made, 10, 2)
  const rude = ['Because you are a stupid idiot.', 'Shut up and read the damn manual.', 'What a dumb question, you moron.']
  for (const [i, answer] of rude.entries()) await made.corrected(`rude-${i}`, `Why is parcel number ${i} of ${word(i)} not here yet?`, 'It is on its way.', answer)
  for (let i = 0; i < 4; i++) await made.corrected(`declined-${i}`, `How do I ${word(i)} the ${word(i + 90)}, please?`, 'No idea.', `I am sorry, but I can't help with that ${word(i + 30)}.`)
  const version = await built(made)
  t.equal(version.state, 'ready')
  t.strictSame(version.manifest?.steps.find(({ name }) => name === 'tone')?.dropped, { 'a rude answer': rude.length })
  const { train, valid, test } = await rowsOf(made, version.id)
  t.notMatch(JSON.stringify([...train, ...valid, ...test].map(({ answer }) => answer)), /idiot|damn|moron/)
  t.match(cardOf(version), /^- tone: refusals 0\.1667, above 0\.1\.$/m)
  t.notMatch(cardOf(await built(made, { filters: { tone: { refusals: 0.2 } } })), /^- tone: refusals/m)
})
