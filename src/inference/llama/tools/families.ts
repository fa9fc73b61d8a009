import type { Family, PlainFamily } from './family.ts'
export function familyOf (_template: string | null): Family | null { return null }
export const generic: PlainFamily = null as unknown as PlainFamily
