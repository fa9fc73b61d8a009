/** As they were typed. */
export type Flags = Readonly<Record<string, unknown>>

/** Actions of these names, each given what was typed after the command, and its flags. */
type Acting<Names extends string, Typed extends readonly unknown[] = []> = Readonly<Record<Names, (...given: [...Typed, flags: Flags]) => Promise<void>>>

/** What the commands do; `main.ts` composes it. */
export interface Actions extends
  Acting<'serve' | 'keysCreate' | 'keysList' | 'adaptersList' | 'memoriesList' | 'memoriesExport' | 'feedbackList' | 'datasetsList' | 'datasetsScheduleList' | 'trainingList' | 'chat' | 'doctor'>,
  Acting<'pull', [reference: string]>,
  Acting<'keysRevoke' | 'memoriesForget' | 'datasetsScheduleRemove', [id: string]>,
  /** `what` is a file of this machine, or a source that the server fetches. */
  Acting<'adaptersAdd', [name: string, what: string]>,
  Acting<'adaptersPromote', [name: string, version: string]>,
  /** undefined: the canary there is, if any. */
  Acting<'adaptersCanary', [name: string, version: string | undefined]>,
  /** NAME@VERSION of an adapter, or the id of an answer or a row; undefined: a user is meant. */
  Acting<'lineage', [what: string | undefined]>,
  Acting<'adaptersRollback' | 'adaptersRetire' | 'adaptersPin', [name: string]>,
  Acting<'adaptersRemove', [reference: string]>,
  Acting<'adaptersCheck' | 'memoriesImport', [file: string]>,
  Acting<'memoriesSearch', [query: string]>,
  /** undefined: a session is meant, or those that wait are listed. */
  Acting<'feedbackGive' | 'datasetsReview', [completion: string | undefined]>,
  Acting<'datasetsBuild' | 'datasetsPreview', [name: string]>,
  /** `dataset` and `against`: an id, NAME@VERSION or NAME. */
  Acting<'exportDataset' | 'datasetsShow' | 'datasetsScheduleAdd', [dataset: string]>,
  Acting<'datasetsDiff', [dataset: string, against: string]>,
  /** undefined: the adapter is named as its data set is. */
  Acting<'train', [name: string | undefined]>,
  /** `candidate`: NAME@VERSION. */
  Acting<'evaluate', [candidate: string]>,
  Acting<'report' | 'trainingShow' | 'trainingCancel', [run: string]>,
  /** undefined: all. */
  Acting<'loopShow', [name: string | undefined]>,
  Acting<'loopSet' | 'loopRemove', [name: string]>,
  Acting<'loopMove', [move: 'run' | 'pause' | 'resume', name: string]>,
  Acting<'loopDecide', [name: string, decision: string]>,
  Acting<'usersShow' | 'usersPolicy' | 'usersErase' | 'usersExport', [user: string]>,
  Acting<'usersImport', [user: string, file: string]>,
  Acting<'backup', [target: string]>,
  Acting<'restore', [source: string]> {}
