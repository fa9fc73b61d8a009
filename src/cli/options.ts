import { type Command, Option } from 'commander'
import { options } from '../config.ts'

/** The settings that say where a command works. */
export const folders = ['data', 'modelsDir']

/** Adds settings as options, all made from the one list in config.ts. Their values are checked there. */
export function withSettings (command: Command, names: readonly string[]): Command {
  for (const { name, flag, help, fallback, variable, many, boolean } of options.filter(option => names.includes(option.name))) {
    const option = new Option(boolean ? flag : `${flag} <value>`, `${help} [${variable}${fallback === '' || boolean ? '' : `, default ${fallback}`}]`)
    if (many) option.argParser(collect)
    option.attributeName = () => name
    command.addOption(option)
  }
  return command
}

/** Adds where the server is that a command talks to. */
export function withServer (command: Command): Command {
  return command
    .option('--url <url>', 'where the server is (ENGRAFT_URL; default: http://127.0.0.1:8080)')
    .option('--key <key>', 'the API key, if it needs one (better in ENGRAFT_KEY: other users of this machine see command lines)')
}

export function withUser (command: Command): Command {
  return withServer(command).requiredOption('--user <user>', 'whose memories')
}

/** For an option that may be given several times. */
export function collect (value: string, before: readonly string[] | undefined): string[] { return [...before ?? [], value] }
