import { outputOf } from './process.ts'

/** What a Python is and has. */
export interface Interpreter {
  readonly python: string
  readonly version: readonly [number, number, number]
  readonly venv: boolean
  readonly pip: boolean
  /** Debian keeps it apart, so that an environment gets no pip of its own. */
  readonly ensurepip: boolean
}

const looking = `import json, sys
from importlib.util import find_spec
print(json.dumps({"version": sys.version_info[:3], **{name: find_spec(name) is not None for name in ("venv", "pip", "ensurepip")}}))`

const listing = `import json, sys
from importlib.metadata import PackageNotFoundError, version
found = {}
for name in sys.argv[1:]:
    try:
        found[name] = version(name)
    except PackageNotFoundError:
        pass
print(json.dumps(found))`

/** null: it cannot be run. */
export async function lookAt (python: string, env: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Interpreter | null> {
  const found = await answer(python, looking, [], env, signal)
  return found === null ? null : { python, ...found as Omit<Interpreter, 'python'> }
}

/** Which of these packages it has, with their versions. */
export async function packagesOf (python: string, names: readonly string[], env: Readonly<Record<string, string>>, signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
  return new Map(Object.entries(await answer(python, listing, names, env, signal) ?? {}) as [string, string][])
}

async function answer (python: string, script: string, args: readonly string[], env: Readonly<Record<string, string>>, signal: AbortSignal): Promise<object | null> {
  const { code, lines } = await outputOf({ command: python, args: ['-c', script, ...args], env }, signal)
  try {
    return code === 0 ? JSON.parse(lines.at(-1) ?? '') as object : null
  } catch {
    return null
  }
}

/** Versions by package, of a list of `name==version` lines. */
export function parseRequirements (text: string): ReadonlyMap<string, string> {
  return new Map([...text.matchAll(/^([\w.-]+)==(\S+)/gm)].map(([, name, version]) => [name!, version!]))
}
