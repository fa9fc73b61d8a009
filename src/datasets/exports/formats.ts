import { alpaca } from './alpaca.ts'
import { bedrock } from './bedrock.ts'
import type { Format, FormatName } from './format.ts'
import { openaiDpo } from './openai-dpo.ts'
import { openaiSft } from './openai-sft.ts'
import { sharegpt } from './sharegpt.ts'
import { trlDpo } from './trl-dpo.ts'
import { trlKto } from './trl-kto.ts'
import { trlSft } from './trl-sft.ts'

export const formats = Object.fromEntries([openaiSft, openaiDpo, trlSft, trlDpo, trlKto, sharegpt, alpaca, bedrock].map(format => [format.name, format])) as Readonly<Record<FormatName, Format>>
