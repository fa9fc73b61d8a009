/** What opens something that is not the reader's to open. */
export type SecretKind = 'private key' | 'key' | 'password' | 'connection' | 'card' | 'account' | 'national id'

/** Where a secret is in a text: from, to (exclusive), in UTF-16 units. */
export interface Found {
  readonly kind: SecretKind
  readonly from: number
  readonly to: number
}
