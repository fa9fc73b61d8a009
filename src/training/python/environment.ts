/** The server's own environment, of which only what is named here reaches a process. */
export type Environment = Readonly<Record<string, string | undefined>>

/** What programs need to find others, their folders and their language; the last two are for GPUs. */
const plain = ['PATH', 'HOME', 'USER', 'LOGNAME', 'SHELL', 'LANG', 'LANGUAGE', 'LC_ALL', 'LC_CTYPE', 'TZ', 'TMPDIR', 'LD_LIBRARY_PATH', 'CUDA_VISIBLE_DEVICES']
/** How pip and the operator's command reach other machines. Whatever else a command needs it sets itself. */
const reaching = /^(?:PIP_\w+|SSL_CERT_(?:FILE|DIR)|REQUESTS_CA_BUNDLE|(?:https?|all|no)_proxy|XDG_CONFIG_HOME|SSH_AUTH_SOCK|KUBECONFIG)$/i

/** For what works on this machine alone. */
export function localEnvironment (environment: Environment): Record<string, string> {
  return picked(environment, name => plain.includes(name))
}

/** For what reaches other machines. */
export function reachingEnvironment (environment: Environment): Record<string, string> {
  return picked(environment, name => plain.includes(name) || reaching.test(name))
}

function picked (environment: Environment, wanted: (name: string) => boolean): Record<string, string> {
  return Object.fromEntries(Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined && wanted(entry[0])))
}
