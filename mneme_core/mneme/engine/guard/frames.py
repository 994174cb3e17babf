"""Ways to ask: question frames, requests, politeness, and what they mean. Origin: written for Mneme.

A line is `meaning = wording | wording`; `{a|b}` stands for either, `^` at the end for the beginning of a sentence.
An empty meaning is dropped. Contractions are spelt out before. The first line that has a wording decides.
"""

from __future__ import annotations

from typing import Final

# Sets of words that the frames share, written <name>.
SETS: Final = {
    "one": "i|you|we|one|someone|somebody|anyone|people|a person",
    "best": "|best|right|proper|correct|good|recommended|usual|standard|normal|preferred",
    "ask": "can|could|would|will",
    "is": "is|are|was|were",
    "a": "|a|an|the|any|some",
    "tell": "tell|show|explain to|inform|advise|teach|remind",
    "learn": "know|find out|understand|learn|hear|ask|figure out",
    "want": "would like|want|need|am trying|would love|wish|am hoping|am looking|am interested in|have",
}

FRAMES: Final = """
= please | thank you {|so much|very much} | thanks {|a lot|in advance} | many thanks | excuse me | cheers
= good {morning|afternoon|evening} ^ | hey there | hi there | hello there
= {<ask>} you {|please} {|kindly} {<tell>} {me|us} {|please} {|about}
= {<ask>} you {|please} {|kindly} help me {|to|with|understand|out with|figure out|find out}
= {please|kindly} {<tell>} {me|us} {|about} | {<tell>} {me|us} {|about} ^
= {can|could} {somebody|someone|anyone|anybody} {|please} {tell me|explain|show me|help me with|help me}
= please help me {|to|with|understand|figure out} | help me {|to|with|understand|figure out} ^
= i need {|some|your} help {with|to|in}
= i need {|some} {information|info|advice} {on|about} | information {on|about} | info {on|about}
= {do|does} {you|anyone|anybody|someone} {|happen to} know | any idea {|on|about}
= {do|does} {you|anyone} have any idea
= {do|does} {you|anyone} have any {information|info|advice|tips} {on|about|for}
yesno = {do|does|can} {you|anyone|anybody|someone} {|happen to} {know|say} {if|whether} | any idea {if|whether}
yesno = {do|does} {you|anyone} have any idea {if|whether} | {<ask>} you {|please} tell me {if|whether}
yesno = {tell|let} me {|know} {if|whether} | {check|find out|know} {if|whether} ^
= i {<want>} to {<learn>} {|about} | i am interested in {knowing|learning} {|about}
yesno = i {<want>} to {<learn>} {if|whether}
yesno = i {was|am} {wondering|curious|asking|not sure|unsure} {if|whether|about whether} | i wonder {if|whether}
yesno = is it {true|correct|right} that | is it the case that | would you say {|that} | i do not know {if|whether}
= i {was|am} {wondering|curious|asking|not sure|unsure} {|about} | i wonder | i have a {|quick} question {|about}
= i {do not know|do not understand|do not get|have no idea} | i {am trying to|cannot} figure out | i am confused about
= {do not|cannot} {know|understand} ^ | i {cannot|can not} {understand|work out|tell} | i do not see
= there {is|are|was|were} ^ | it {seems|appears|looks} {|like|that|as if} | {seems|seem} to be
howto = {and|but|because|so|then} i {|now|really} {want|would like|need|am trying|wish} to
= quick question | question {about|on} ^ | just {curious|wondering} | i am looking for {|information on}
= looking for ^
= in fact | of course | by the way | as a matter of fact | to be honest | for real | at all | right now
= at the moment | these days | as of now | in your opinion
= do you think {|that} | do you {believe|suppose} that | in general | so far | for me | for us | in the world
= a lot of
= of the two | the two of | is that | is it that | that is | i mean | as well | out there
detailed = in {|great|more|full} detail | in depth | thoroughly | at length
plainly = in {simple|plain|easy} {terms|words|language|english} | in {layman|laymans|a layman} terms
plainly = like i am {5|five} | for a {child|layman|beginner}
plainly explanation = {a|} simple {explanation|answer|description}
explain = {<ask>} you {|please} {|kindly} {explain|describe}
write = {<ask>} you {|please} {|kindly} {write|generate|compose|draft} {|me|us}
write = {write|generate|compose|draft} {me|us}
give = {<ask>} you {|please} {|kindly} {give|provide|list|suggest|recommend|create|make|name} {|me|us} | give {me|us}
give = i {would like|want|need} {a|an|some} ^ | {do|would} you have {|any|some} {recommendations|suggestions} {for|of}
give = {any|some} {recommendations|suggestions|tips|advice} {for|on|about}
translate = {<ask>} you {|please} {|kindly} translate
summarize = {<ask>} you {|please} {|kindly} summarize
howto fast = {what is|what are} the {fastest|quickest} {way|ways|method} {to|of|for}
howto check if = how {do|can|would|could} {<one>} {know|tell|check|find out|see|verify} {if|whether}
howto check if = how to {know|tell|check|find out|see|verify} {if|whether}
what minimum age = how old {do|must|should} {<one>} {have to|need to|} be | how old must {<one>} be
howto = how {do|can|could|would|might|shall|should|did} {<one>} {|go about|best|even}
translate = how {do|would|can|could|does} {you|i|one|we} say
where buy = where {do|does|can|could} {they|people|shops|stores} sell
where buy = {which|what} {shops|stores|shop|store} {sell|sells}
howto = how 2 {|go about}
howto = how to {|go about|best} | how does {one|someone|a person} {|go about} | how is it possible to | how may i
howto easily = {what is|what are} {<a>} {easy|easiest|simple|simplest} {way|ways|method} {to|for|of}
howto = {what is|what are|what would be} {<a>} {<best>} {way|ways|method|methods|procedure|process|approach} {to|for|of}
howto = {what is|what are} {<a>} {<best>} {way|ways|method|steps} i can
howto = {what is|what are} {|the} {|best} {steps} {to|for|in|in order to}
howto = {what is|what are} {|the} {|best} steps {|that} {<one>} {|need to|should|must|have to|can} {take|follow} to
howto = {what|which} steps {|should|must|do|can} {<one>} {|need to|have to|should} {take|follow} {to|for|in order to}
howto = {what|which} steps are {needed|required|involved|necessary} {to|for|in} | {what|which} is {my|your} way to
howto = what {do|should|must|can|does|would} {<one>} {|need to|have to} do {|in order} to | way to | ways to
howto = ways of | way of
howto = steps {to|for} ^ | instructions {for|on how to|to|on} ^ | guide {to|for} ^ | tutorial {on|for} ^
howto = method {for|of|to} ^
howto = {want|need|trying|looking|hoping} to ^
howto = i {want|would like|need|am trying|am looking|wish|am hoping} to ^ | how should one | how must one
howto = how {am i|are you|is one} supposed to | the {|best|right|easiest} {way|steps|procedure} {to|for}
howto = {show|teach|tell} {me|us} how {|to|i can|i could|you|i} | show {me|us} the {way|steps|command} {to|for}
howto = {explain|describe} {|to me} how {to|i can|you can|one can|i could|i}
howto = {explain|describe} the {steps|process|procedure} {to|for|of}
howto = {is there|are there} {|a|any|some} {trick|tricks|tips|tip|command|function} {to|for}
howto = {any|some} {way|ways} to
howto = {what is|what are} {|the|a} {|right|best} {command|code|syntax|function} {to|for} | tips {on|for} ^
wayto = {is|was} there {<a>} {<best>} {way|method|possibility|option} {to|of|for me to|i can|for} | any way to
wayto = are there {|any|some} {<best>} {ways|methods|options} {to|of|i can|for}
whatdo = what {should|can|do|must|shall|could|would|am} {<one>} {|have to|need to|supposed to} do {|about|next|now|then}
whatdo = what to do {|about|next|now} | {what are|are there any|are there} {my|the} options {|for|here} | what now
whatdo = what next
what should = what to
whatdo = what is the {|best|right} {thing|course of action} to do
whatdo = how {do|should|can} i {react|respond|proceed} {|to}
doit = how {do|can|should|could|would} {i|you|we|one} {|go about} {do|doing} {it|that|this|so}
doit = how {is it done|is that done|to do it|to do that|is this done}
what height = how {tall|high}
what weight = how heavy
what depth = how deep
what width = how wide
what size = how {big|large}
what speed = how fast | how quick | how quickly
what temperature = how {hot|warm|cold}
what distance = how far {away|} | what is the distance
what age = how old
howmuch = how {much|expensive|costly} {is|are|was} {|it to}
howmuch = {what is|what are|what was} the {price|prices|cost|costs} {of|for|to}
howmuch = how much {does|do|would|will|did} {it cost to|it cost me to}
howmuch = what {does|would|will|do|did} it cost {|me|us} to
howmuch cost = how {expensive|costly} | how much money {does|do|is|are}
howmuch = what {price|cost} is | cost of ^ | price of ^ | price for ^ | how much {|money}
howmuch = {what|which} {amount|quantity} of
howmuch = {what is|what are} the {|total} {amount|quantity} of | {amount|quantity} of ^
howmany = how many | {what is|what are} the {|total} {number|count} of | what number of | how large a number of
howlong = how long does it {usually|typically|generally|normally|} take {|me|you|to|for|before|until} | how long
howlong = how long did it take {|you|me|us|them|him|her|people}
howlong = how long {does|do|will|would} it take {|to}
howlong = how much time {does it take to|does it take|do i need to|do i have to|}
howlong = {what is|what are} the {duration|length} of | for how long | what length of time
howlong = how many {minutes|hours|days|weeks|months|years} {does|do|will} {it|} take
howlong = how long do {i|you|we} have to | how long have {i|you|we} got to | {until|till} when | for what period
howoften = how often | how frequently | {with|at} what frequency | how many times {a|per} | how regularly
daily = {a|per|each|every} day | day to day
weekly = {a|per|each|every} week
monthly = {a|per|each|every} month
yearly = {a|per|each|every} year | annual | annually | per annum
hourly = {a|per|each|an|every} hour
why = {what is|what are|what was} the {reason|reasons|cause|causes} {that|why|of|behind|for|}
why = how come | for {what|which} reason | what {makes|causes|caused|made|is it that makes} | what {is|are} causing
why = what could {be causing|cause|be the reason for} | why is it that | what for | what leads to | what explains
why = {what is|what was} the {reason|rationale} {of|behind|for} | {give|tell} me the reason {|that|why}
why = reasons {for|why|that}
when = {at|on|in|by} {what|which} {time|date|day|hour|moment|year|month} | {what|which} {time|date|day|year|month}
when = what is the {date|time|year} {when|that|of|at which|in which} | on which date | by when | since when | how soon
where = {in|at|from} {what|which} {place|location|places|locations|part of the world}
where = {what|which} {place|places|location|locations}
where = where are {|the|some} {places|shops|stores} {to|i can|you can}
where = whereabouts | what is the location of | {in|from} {what|which} {|part of|section of|menu}
where = where {can|could|do|would|should|might} {<one>} {find|locate|get|see|look for|view|access|look up}
where = {how|where} {do|can|could} {<one>} find {|out} where
where = how {do|can|could} {<one>} {find|locate|get to|access|see|view}
who = {which|what} {person|people|individual|author|artist}
who = who {is|are|was} the {person|people|one|ones|author|authors} {who|that|}
who = {|by|to|for|with} whom | the name of the {person|people} {who|that}
who = what is the name of the {person|people} {who|that}
whatif = what {happens|will happen|would happen|occurs} {|if|when|in case}
whatif = what are the {consequences|effects|results|implications} {of|if|for}
whatif = what if | {is there|are there} {a|any|} {penalty|consequences|penalties} {for|if}
whatis = {what is|what are} {|meant by|the meaning of|the definition of|the concept of|the term|the idea of|exactly}
whatis = {explain|define|describe} {|to me|me} {|what|the} {|is|are|exactly is} {|the} {|meaning of|concept of|term} ^
whatis = {meaning|definition} of ^ | {what is|what are} a | {give|provide} {|me|us} {a|the} definition of
whatis = {what|explain what} exactly {is|are} | explain {to me|what} | what does it mean to | what do you mean by
whatis = {what does|what do} you {understand by|mean by} | tell me what {|is|are} | {tell|inform} me about
can possible = {is|would} it {be|} {|still|even|also} {possible|feasible|an option} {|for me|for us|for one} to
can permissible = {is|would} it {be|} {|still|even|also} {permitted|allowed} {|for me|for us|for one} to
can permissible = {am|are|is} {i|you|we|one} {allowed|permitted} to
can possible = {am|are|is} {i|you|we|one} able to
can = {am|are|is} {i|you|we|one} {free|eligible} to | may {i|we|you|one} | do i get to
can = {is|are} there {a|any|some} {possibility|option|chance} {to|of}
can = {does|do} {one|someone|i|we} have {the|an} option to
can = {|am|are|is|be|been|being|was|were} able to | {|am|are|is|be} capable of | {has|have} the ability to
can permissible = {am|is|are} {i|you|we|one} {allowed|permitted}
can legal = {is|would} it {be|} {|still} {legal|lawful} {|for me|for us} to
can safe = is it {|always|generally|still|really} safe {|for me|for us|for one} to
can okay = is it {|always|still} {ok|okay|alright|all right|fine|acceptable} {|for me|for us} {to|if i|if you}
can not = {|am|are|is|be|was|were} unable to | {am|are|is|be|was|were} not able to
must = {have|has|had|need|needs|got|obliged|obligated|forced|required} to | {am|are|is} required to | {is|are} a must
must = {is|are} it {necessary|required|mandatory|compulsory|obligatory|needed|essential} {|for me|for us} to
must = {am|are|is} {i|you|we} {required|obliged|obligated|forced|supposed} to | in need of
should = ought to | had better
should = {is it|would it be} {advisable|recommended|wise|smart|sensible|better|best|worth it} to
should = {is it|would it be} a good idea {|for me} to | do you recommend {that i|to}
should = {is|are} there {a|any} recommended
used-to = used to be | use to be | used to | use to
going-to = {am|are|is} going to | {am|are|is} about to
"""
