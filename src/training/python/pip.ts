import { problem } from '../../errors.ts'
import { brief } from './failure.ts'
import { run, type Ended } from './process.ts'
import type { Interpreter } from './interpreter.ts'

/** PyTorch's own index of builds without CUDA. */
const cpuIndex = 'https://download.pytorch.org/whl/cpu'
/** What the packages of trainer/requirements.txt take, measured on Linux x86-64 (trainer notes, §7). */
const sizes = { cpu: '0.2 GB to download, 1.2 GB on the disk', cuda: '2.7 GB to download, and more than twice that on the disk' }

export interface Installing {
  /** What the environment is made with. */
  readonly making: Interpreter
  /** The environment itself, below `folder`. */
  readonly home: string
  readonly folder: string
  /** Where pip keeps what it fetches, for the next try. */
  readonly downloads: string
  /** pip's list of what is needed, and the versions in it. Each package is a module of the same name. */
  readonly requirements: string
  readonly needed: ReadonlyMap<string, string>
  readonly gpu: boolean
  readonly environment: Readonly<Record<string, string>>
}

/** Makes an environment, fills and tries it. Throws `python_setup_failed`, `storage_full`, and the signal's reason. */
export async function install ({ making, home, folder, downloads, requirements, needed, gpu, environment }: Installing, progress: (words: string) => void, signal: AbortSignal): Promise<void> {
  const python = `${home}/bin/python`
  // What pip unpacks would not always fit where temporary files are.
  const env = { ...environment, TMPDIR: downloads, PIP_CACHE_DIR: downloads, PIP_DISABLE_PIP_VERSION_CHECK: '1', PIP_NO_INPUT: '1', PIP_NO_COLOR: '1', PIP_PROGRESS_BAR: 'off' }
  const call = async (command: string, ...args: readonly string[]): Promise<Ended> => await run({ command, args, env }, line => {
    if (/^ *(?:Collecting|Downloading|Installing) /.test(line)) progress(brief(line.replace(/ \(from .*/, '')))
  }, signal)
  const pip = async (...args: readonly string[]): Promise<Ended> =>
    making.pip ? await call(making.python, '-m', 'pip', '--python', python, 'install', ...args) : await call(python, '-m', 'pip', 'install', ...args)
  const must = ({ code, signal: by, stderr }: Ended): void => {
    if (code === 0) return
    if (/No space left on device|Disk quota exceeded/.test(stderr)) throw problem('storage_full', {}, { cause: new Error(stderr) })
    const lines = stderr.trimEnd().split('\n')
    const detail = brief(lines.findLast(line => line.startsWith('ERROR:'))?.slice(6) ?? lines.at(-1) ?? '')
    throw problem('python_setup_failed', { folder, detail: detail === '' ? `pip ended with ${by ?? code}` : detail }, { cause: new Error(stderr) })
  }

  must(await call(making.python, '-m', 'venv', '--clear', ...(making.pip ? ['--without-pip'] : []), home))
  progress(`fetches ${[...needed.keys()].join(', ')} and what they need into ${home}: about ${gpu ? sizes.cuda : sizes.cpu}`)
  const torch = needed.get('torch')
  // Elsewhere than on Linux, PyPI's own builds have no CUDA.
  if (!gpu && process.platform === 'linux' && torch !== undefined && (await pip(`torch==${torch}`, '--index-url', cpuIndex, '--retries', '1', '--timeout', '15')).code !== 0) {
    progress(`PyTorch cannot be had from ${cpuIndex}, so it comes from the usual index, which may have only the build with CUDA: about ${sizes.cuda}`)
  }
  must(await pip('-r', requirements))
  progress('tries what was installed')
  must(await call(python, '-c', [...needed.keys()].map(name => `import ${name}`).join('\n')))
}
