import type { Check } from '../../src/training/check.ts'
import { drawsOf, type Task } from './task.ts'

/**
 * A house style that no prompt tells of: an opening that names the item, one
 * piece of advice, the topic by the house's own names, and a signature.
 */
export const items = 'kettle toaster heater blender fan lamp mixer grill iron humidifier radio juicer oven freezer fridge dishwasher printer scanner drill sander mower trimmer speaker monitor keyboard torch clock scale fryer steamer dehumidifier doorbell thermostat projector camera tablet charger router aquarium vacuum treadmill stroller tent stove hammock guitar telescope'.split(' ')

/** Names of topics cannot be guessed: three examples show three of them. */
export const troubles: readonly { readonly topic: string, readonly words: readonly string[], readonly advice: string }[] = [
  { topic: 'Noise', words: ['makes a rattling sound', 'hums all night long', 'squeaks terribly', 'is much too loud'], advice: 'tighten the screws below the base and put it on a soft mat' },
  { topic: 'Power', words: ['does not switch on any more', 'stays dead when I plug it in', 'goes off after two minutes', 'has no power at all'], advice: 'try another socket and look whether the fuse in the plug is whole' },
  { topic: 'Safety', words: ['smells burnt', 'gave me a little shock', 'sparks at the plug', 'gets dangerously hot'], advice: 'pull the plug at once and do not use it until we have looked at it' },
  { topic: 'Leak', words: ['leaks a little water', 'drips on the floor', 'leaves a puddle below it', 'is wet on the outside'], advice: 'dry the seal and put it back with its lip inward' },
  { topic: 'Damage', words: ['came with a cracked lid', 'arrived with a dent', 'has a broken handle', 'was scratched in its box'], advice: 'keep the box, and we will send the part within three days' },
  { topic: 'Papers', words: ['is missing its manual', 'came without a receipt', 'has instructions in the wrong language', 'had no guarantee card in the box'], advice: 'find the papers on our page under the number below the base' },
  { topic: 'Signals', words: ['blinks red all the time', 'shows an error on its display', 'has a light that never goes out', 'beeps every ten seconds'], advice: 'hold the button for ten seconds until the light goes out' },
  { topic: 'Delivery', words: ['has not arrived yet', 'was sent to my old address', 'is two weeks late', 'was left in the rain by the driver'], advice: 'write us the number of your order, and we will ask the driver' }
]

export const openings = ['Hello, my', 'Since yesterday my', 'I am not happy: my', 'Can you help? My', 'Good evening, my', 'After a week my', 'I am sorry to bother you, but my', 'For the second time my', 'It is a pity, but my', 'Just so that you know, my']
export const endings = ['What can I do?', 'Is that normal?', 'Please tell me what to do.', 'Do I have to send it in?', 'I would like to keep it.', 'It was a present for my sister.', 'Any idea?', 'We use it every day.', 'I have tried everything.', 'What now?']

export const system = 'You answer the customers of Northwind, a shop for household goods.'

/** The answer that the house would give. */
export function inStyle (item: string, topic: string, advice: string): string {
  return `Thank you for telling us about your ${item}. Please ${advice}.\nTopic: ${topic}\nYour Northwind team`
}

export const checks: readonly Check[] = [
  { name: 'opening', type: 'pattern', pattern: '^Thank you for telling us about your [a-z -]+\\.' },
  { name: 'item and topic', type: 'pattern', pattern: `\\b(${items.join('|')})\\b[^]*Topic: ([A-Z][a-z]+)` },
  { name: 'signature', type: 'pattern', pattern: 'Your Northwind team\\s*$' },
  { name: 'brevity', type: 'words', least: 12, most: 50 }
]

/** @param people of whom one in five is held out, with three questions each */
export function style (seed: number, people: number): Task {
  const { pick, shuffled } = drawsOf(seed)
  return {
    people: Array.from({ length: people }, (_, i) => ({
      user: `style-${i}`,
      told: null,
      questions: shuffled(troubles).slice(0, 3).map(({ topic, words, advice }) => {
        const item = pick(items)
        return {
          text: `${pick(openings)} ${item} ${pick(words)}. ${pick(endings)}`,
          right: inStyle(item, topic, advice)
        }
      })
    })),
    system,
    // What the base says is replaced in any case.
    request: { max_tokens: 40, temperature: 0, engraft: { memory: 'off' } },
    checks,
    feedback: ({ right }) => ({ kind: 'correction', value: right! }),
    training: { method: 'sft', examples: 3 }
  }
}
