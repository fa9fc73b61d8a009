/** What of a text tells who somebody is. */
export type PersonalKind = 'name' | 'email' | 'phone' | 'address' | 'postcode' | 'birth' | 'number' | 'page' | 'handle' | 'ip'

/** Where it is: from, to (exclusive), in UTF-16 units. */
export interface Personal {
  readonly kind: PersonalKind
  readonly from: number
  readonly to: number
}
