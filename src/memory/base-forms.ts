/**
 * Forms that a stemmer cannot lead back to their word: irregular verbs and
 * plurals of English, those in everyday use. Left out are forms that are as
 * often another word ("saw", "left", "found", "felt", "lay").
 */
export const baseForms: ReadonlyMap<string, string> = new Map(`
became:become began,begun:begin bent:bend bet:bet bit,bitten:bite bled:bleed blew,blown:blow broke,broken:break bred:breed brought:bring
built:build burnt:burn bought:buy caught:catch chose,chosen:choose came:come crept:creep dealt:deal dug:dig drew,drawn:draw dreamt:dream
drank,drunk:drink drove,driven:drive ate,eaten:eat fell,fallen:fall fed:feed fought:fight fled:flee flew,flown:fly forgot,forgotten:forget
forgave,forgiven:forgive froze,frozen:freeze got,gotten:get gave,given:give went,gone:go grew,grown:grow hung:hang heard:hear hid,hidden:hide
held:hold kept:keep knelt:kneel knew,known:know laid:lay led:lead learnt:learn lent:lend lit:light lost:lose made:make meant:mean met:meet
paid:pay rode,ridden:ride rang,rung:ring risen:rise ran:run said:say seen:see sought:seek sold:sell sent:send shook,shaken:shake shone:shine
shot:shoot shown:show shrank,shrunk:shrink sang,sung:sing sank,sunk:sink sat:sit slept:sleep slid:slide spoke,spoken:speak spent:spend
spun:spin stood:stand stole,stolen:steal stuck:stick stung:sting struck:strike swore,sworn:swear swept:sweep swam,swum:swim swung:swing
took,taken:take taught:teach tore,torn:tear told:tell thought:think threw,thrown:throw understood:understand woke,woken:wake wore,worn:wear
wove,woven:weave wept:weep won:win wrote,written:write
children:child men:man women:woman people:person feet:foot teeth:tooth mice:mouse geese:goose wives:wife lives:life knives:knife leaves:leaf
shelves:shelf halves:half selves:self loaves:loaf wolves:wolf thieves:thief
`.trim().split(/\s+/).flatMap(entry => {
    const [forms, base] = entry.split(':') as [string, string]
    return forms.split(',').map(form => [form, base] as const)
  }))
