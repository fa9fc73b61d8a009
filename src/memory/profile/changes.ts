import { type Rule, rule } from './rule.ts'
import { diet, im, my, number, shade } from './vocabulary.ts'

/** What has changed in someone's life, in English. */
export const changes: readonly Rule[] = [
  {
    ...rule('fact', 'home',
    `(?:i|we)(?:'ve| have)? ${shade}(?:moved|relocated) (?:back |over |down |up |out |across )*(?:to|into|in with)(?! (?:the )?(?:next|new (?:file|version)|step|page|question|other|second|branch|a (?:new|different) (?:file|version|branch)))`,
    '(?:(?:just|recently|finally) )*(?:moved|relocated) (?:back )?to (?!the |a )',
    'i (?:no longer|don\'?t) live ',
    '(?:now )?(?:live|living) in .* now\\b'
    ),
    correction: true
  },
  {
    ...rule('fact', 'work',
      "i(?:'ve)? (?:just |recently |finally )*(?:changed|switched|got a new|started a new|lost my|quit my|left my|found a new) (?:jobs?|careers?|role)", '(?:i )?(?:just |finally )?got (?:promoted|fired|laid off|hired)', "i (?:no longer work|don'?t work .*(?:any ?more|any longer)|was (?:promoted|laid off|fired|hired))",
    `${im} (?:now )?retired|i retired`,
    'i(?:\'ve)? (?:just |recently )*(?:joined (?!.*\\b(?:group|club|gym|class|call|meeting|chat|channel|queue|server)\\b)|started (?:at|as|working) )'
    ),
    correction: true
  },
  {
    ...rule('fact', 'name',
    `${my} (?:last |first |new |married |maiden |sur)?name (?:is|has) now`,
    `${my} (?:last|new|married) ?name is`
    ),
    correction: true
  },
  { ...rule('fact', 'age', `(?:i )?(?:just )?turn(?:ed|ing) ${number}\\b`), correction: true },
  {
    ...rule('fact', 'diet',
      "i(?:'ve)? (?:no longer|stopped|gave up|given up|quit) (?:eat(?:ing)?|meat|dairy|drink(?:ing)?)", `${im} (?:no longer|not) (?:a )?${diet}(?:.*any ?more)?`, `i(?:'ve)? (?:went|gone|became|become|turned) ${diet}`
    ),
    correction: true
  },
  {
    ...rule('preference', null,
      "i (?:no longer|don'?t) (?:drink|smoke|like|love|enjoy|want|do|use|play|watch|read)\\b(?=.*(?:any ?more|any longer|these days|no longer))", 'i no longer (?:drink|smoke|like|love|enjoy|prefer|want to|play|watch)', 'i used to (?:like|love|hate|prefer|enjoy|drink|smoke|use|play|buy|eat|wear|read|watch|do|go|listen)\\b(?=.*\\b(?:now|these days|nowadays|but|any ?more))', 'i(?:\'ve)? (?:stopped|quit|gave up|given up) (?:drinking|smoking|coffee|alcohol|sugar)'
    ),
    correction: true
  },
  {
    ...rule('fact', null,
      "(?:i|we) (?:don'?t|do not) (?:have|own|drive|play|study|speak|take|need)\\b(?=.*any ?more)", '(?:i|we) no longer (?:have|own|use|drive|study|speak|take)(?! (?:access|the (?:error|problem|issue|file)|any (?:error|idea|issue)))', '(?:i|we)(?:\'ve)? (?:just |recently )*switched (?:from .{1,40} )?to (?:an? |the )?(?!(?:the )?(?:next|other|second))(?=\\p{Lu}|\\p{Ll}*\\p{Lu}|android|iphone|linux|mac|windows)', "(?:i(?:'ve)? (?:just |recently )*(?:got|gotten) (?:married|divorced|engaged)|(?:i'?m|we'?re) (?:now )?(?:married|divorced|engaged|separated|single|widowed))"
    ),
    correction: true
  }
]
