/** Writes ONNX models byte by byte, each a table that gives every token a state, right ones and wrong ones. */
export interface TableOptions {
  /** A state for each token id. */
  readonly rows: readonly (readonly number[])[]
  readonly input?: string
  readonly output?: string
  /** Instead of the states: one row a text, or the states in half precision. */
  readonly gives?: 'rows' | 'halves'
}

/** Numbers of onnx.proto's TensorProto.DataType. */
const types = { float: 1, int64: 7, half: 10 } as const

/** onnx.proto in short: messages are built of (field number, value). */
export function tableModel ({ rows, input = 'input_ids', output = 'last_hidden_state', gives }: TableOptions): Buffer {
  const shape = [rows.length, rows[0]!.length]
  const table = message([...shape.map(size => [1, size] as Field), [2, types.float], [8, 'table'], [9, Buffer.from(Float32Array.from(rows.flat()).buffer)]])
  const gather = node('Gather', ['table', input], gives === undefined ? output : 'states')
  const after = gives === 'rows' ? [node('Flatten', ['states'], output)] : gives === 'halves' ? [node('Cast', ['states'], output, ['to', types.half])] : []
  const result = gives === 'rows' ? value(output, types.float, ['batch', 'all']) : value(output, gives === 'halves' ? types.half : types.float, ['batch', 'sequence', shape[1]!])
  const graph = message([[1, gather], ...after.map(node => [1, node] as Field), [2, 'table'], [5, table], [11, value(input, types.int64, ['batch', 'sequence'])], [12, result]])
  // IR version 8 with operator set 17: the pair of ONNX 1.12.
  return message([[1, 8], [7, graph], [8, message([[1, ''], [2, 17]])]])
}

/** A `tokenizer.json` that knows these words, after the special tokens 0 to 3: [PAD], [UNK], [CLS], [SEP]. */
export function wordTokenizer (words: readonly string[]): string {
  const special = ['[PAD]', '[UNK]', '[CLS]', '[SEP]']
  const one = (id: string) => ({ SpecialToken: { id, type_id: 0 } })
  return JSON.stringify({
    version: '1.0',
    added_tokens: special.map((content, id) => ({ id, content, special: true, single_word: false, lstrip: false, rstrip: false, normalized: false })),
    normalizer: { type: 'BertNormalizer', clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: true },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [one('[CLS]'), { Sequence: { id: 'A', type_id: 0 } }, one('[SEP]')],
      pair: [one('[CLS]'), { Sequence: { id: 'A', type_id: 0 } }, one('[SEP]'), { Sequence: { id: 'B', type_id: 1 } }, one('[SEP]')],
      special_tokens: { '[CLS]': { id: '[CLS]', ids: [2], tokens: ['[CLS]'] }, '[SEP]': { id: '[SEP]', ids: [3], tokens: ['[SEP]'] } }
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: { type: 'WordPiece', unk_token: '[UNK]', continuing_subword_prefix: '##', max_input_chars_per_word: 100, vocab: Object.fromEntries([...special, ...words].map((word, id) => [word, id])) }
  })
}

type Field = readonly [number: number, value: number | string | Buffer]

function message (fields: readonly Field[]): Buffer {
  return Buffer.concat(fields.map(([number, value]) => {
    if (typeof value === 'number') return Buffer.concat([varint(number << 3), varint(value)])
    const bytes = Buffer.from(value as string)
    return Buffer.concat([varint(number << 3 | 2), varint(bytes.length), bytes])
  }))
}

function varint (value: number): Buffer {
  const bytes: number[] = []
  for (; value > 127; value >>>= 7) bytes.push(value & 127 | 128)
  return Buffer.from([...bytes, value])
}

function node (type: string, inputs: readonly string[], output: string, attribute?: readonly [name: string, value: number]): Buffer {
  // 2: the attribute is an INT.
  const attributes = attribute === undefined ? [] : [[5, message([[1, attribute[0]], [3, attribute[1]], [20, 2]])] as Field]
  return message([...inputs.map(name => [1, name] as Field), [2, output], [3, type], [4, type], ...attributes])
}

function value (name: string, type: number, shape: readonly (string | number)[]): Buffer {
  const dimensions = message(shape.map(size => [1, message([typeof size === 'number' ? [1, size] : [2, size]])]))
  return message([[1, name], [2, message([[1, message([[1, type], [2, dimensions]])]])]])
}
