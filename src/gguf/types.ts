/** How ggml stores one kind of tensor: so many elements share a block of so many bytes. */
export interface TensorType { readonly name: string, readonly elements: number, readonly bytes: number }

/**
 * Every tensor type of ggml by its number, as in ggml-common.h. Numbers 4, 5,
 * 31–33 and 36–38 were removed from ggml, and files with them load nowhere.
 */
export const tensorTypes: ReadonlyMap<number, TensorType> = new Map(([
  [0, 'F32', 1, 4], [1, 'F16', 1, 2], [2, 'Q4_0', 32, 18], [3, 'Q4_1', 32, 20],
  [6, 'Q5_0', 32, 22], [7, 'Q5_1', 32, 24], [8, 'Q8_0', 32, 34], [9, 'Q8_1', 32, 36],
  [10, 'Q2_K', 256, 84], [11, 'Q3_K', 256, 110], [12, 'Q4_K', 256, 144], [13, 'Q5_K', 256, 176],
  [14, 'Q6_K', 256, 210], [15, 'Q8_K', 256, 292], [16, 'IQ2_XXS', 256, 66], [17, 'IQ2_XS', 256, 74],
  [18, 'IQ3_XXS', 256, 98], [19, 'IQ1_S', 256, 50], [20, 'IQ4_NL', 32, 18], [21, 'IQ3_S', 256, 110],
  [22, 'IQ2_S', 256, 82], [23, 'IQ4_XS', 256, 136], [24, 'I8', 1, 1], [25, 'I16', 1, 2],
  [26, 'I32', 1, 4], [27, 'I64', 1, 8], [28, 'F64', 1, 8], [29, 'IQ1_M', 256, 56],
  [30, 'BF16', 1, 2], [34, 'TQ1_0', 256, 54], [35, 'TQ2_0', 256, 66], [39, 'MXFP4', 32, 17],
  [40, 'NVFP4', 64, 36], [41, 'Q1_0', 128, 18]
] as const).map(([number, name, elements, bytes]) => [number, { name, elements, bytes }]))

/** Metadata value types by their number in the file; `bytes` 0: of varying length. */
export const valueTypes = [
  { name: 'uint8', bytes: 1 }, { name: 'int8', bytes: 1 }, { name: 'uint16', bytes: 2 }, { name: 'int16', bytes: 2 },
  { name: 'uint32', bytes: 4 }, { name: 'int32', bytes: 4 }, { name: 'float32', bytes: 4 }, { name: 'bool', bytes: 1 },
  { name: 'string', bytes: 0 }, { name: 'array', bytes: 0 }, { name: 'uint64', bytes: 8 }, { name: 'int64', bytes: 8 },
  { name: 'float64', bytes: 8 }
] as const

export type ValueType = (typeof valueTypes)[number]
