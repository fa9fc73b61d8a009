import { drawsOf, type Task } from './task.ts'

/** Something that people who read aloud, or on a small screen, do not want: lists, headings, tables, bold type. */
export const markup = '(?:^|\\n)[ \\t]*(?:[-*+•] |\\d{1,2}[.)] |#{1,6} |\\|)|\\*\\*|```'

const doings = [
  'clean a cast-iron pan', 'wash a woollen jumper', 'sharpen a kitchen knife', 'water a cactus', 'iron a shirt', 'boil an egg', 'paint a wooden chair', 'mend a torn sleeve', 'store fresh bread', 'grow tomatoes on a balcony',
  'remove a wine stain', 'polish leather shoes', 'unblock a sink', 'hang a heavy mirror', 'train a puppy to sit', 'bake a simple cake', 'freeze soup', 'clean a window', 'repot a fern', 'fold a fitted sheet',
  'fix a squeaking door', 'wrap a present', 'start a small fire in a stove', 'make iced tea', 'ripen a pear', 'keep moths away', 'dry herbs', 'brush a long-haired cat', 'pack a rucksack', 'cook rice',
  'plan a picnic', 'choose a bicycle', 'learn ten new words a day', 'sleep better', 'write a letter of thanks', 'save water at home', 'descale a kettle', 'sew on a button', 'prune a rose', 'peel garlic',
  'calm a crying baby', 'clean a keyboard', 'pitch a tent', 'make a paper boat', 'organise a small cupboard', 'read a map', 'tie a tie', 'grill vegetables', 'remember names', 'prepare for an interview',
  'lay a table', 'clean silver', 'tune a guitar', 'keep a diary', 'stop hiccups', 'choose a melon', 'cool a room in summer', 'carve a pumpkin', 'make a compost heap', 'warm up before a run'
]
const frames = ['How do I {}?', 'What is the best way to {}?', 'Can you tell me how to {}?', 'Please explain how to {}.', 'What do I need to know to {}?']
/** Some of them tempt to make a list. */
const endings = ['Three short tips are enough.', 'Two sentences are enough.', 'Tell me the most important steps.', 'Please be brief.']

/** @param people of whom one in five is held out, with four questions each; no question is asked twice */
export function thumbs (seed: number, people: number): Task {
  const { pick, shuffled } = drawsOf(seed)
  const questions = shuffled(doings.flatMap(doing => frames.map(frame => frame.replace('{}', doing))))
  return {
    people: Array.from({ length: people }, (_, i) => ({
      user: `thumbs-${i}`,
      told: null,
      questions: questions.slice(4 * i, 4 * i + 4).map(text => ({ text: `${text} ${pick(endings)}`, right: null }))
    })),
    system: null,
    // Praise of an answer that was cut off is no evidence: most end by themselves before this.
    request: { max_tokens: 120, temperature: 0.8, engraft: { memory: 'off' } },
    checks: [{ name: 'plain prose', type: 'absent', pattern: markup }],
    feedback: (_, answer) => ({ kind: 'thumb', value: !new RegExp(markup).test(answer) }),
    training: { method: 'kto' }
  }
}
