import neostandard, { resolveIgnoresFromGitignore } from 'neostandard'

export default [
  ...neostandard({ ts: true, ignores: resolveIgnoresFromGitignore() }),
  {
    files: ['**/*.ts'],
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      // Config is parsed once, in one place: nothing else may look at the environment.
      'no-restricted-properties': ['error', { object: 'process', property: 'env', message: 'Only src/config.ts and src/main.ts read the environment.' }],
      'no-void': ['error', { allowAsStatement: true }],
      'max-lines': ['warn', { max: 300, skipBlankLines: true, skipComments: true }]
    }
  },
  { files: ['src/main.ts', 'test/**', 'bench/**', 'examples/**'], rules: { 'no-restricted-properties': 'off' } }
]
