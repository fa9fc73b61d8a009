/**
 * English words that say how a sentence is built and not what it is about:
 * NLTK's list, in the pieces that tokenising leaves of its contractions
 * ("don't" comes as `don` and `t`), and the
 * modal verbs it lacks.
 */
export const stopWords: ReadonlySet<string> = new Set(`
i me my myself we our ours ourselves you your yours yourself yourselves he him his himself she her hers herself it its itself
they them their theirs themselves what which who whom whose this that these those
am is are was were be been being have has had having do does did doing will would shall should can could may might must
a an the and but if or because as until while of at by for with about against between into through during before after
above below to from up down in out on off over under again further then once here there when where why how
all any both each few more most other some such no nor not only own same so than too very just now also
s t d ll m o re ve y don ain aren couldn didn doesn hadn hasn haven isn ma mightn mustn needn shan shouldn wasn weren won wouldn
`.trim().split(/\s+/))
