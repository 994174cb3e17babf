"""Words that are often misspelt. Origin: written for Mneme from the misspellings any editor's list has."""

from __future__ import annotations

from typing import Final

from mneme.engine.guard.words import folding

MISSPELT: Final = folding(
    """receive: recieve receve; recommend: reccomend recomend reccommend; recommendation: reccomendation recomendation;
    address: adress addres; difference: diffrence differance; different: diffrent diferent; definitely: definately;
    separate: seperate; separately: seperately; occurred: occured; until: untill; which: wich; because: becuase beacuse
    becasue; calendar: calender; accommodate: accomodate; accommodation: accomodation; tomorrow: tommorow tommorrow
    tomorow; government: goverment; environment: enviroment; weird: wierd; account: acount accout; password: pasword
    passowrd; cancel: cancle; appointment: apointment appointmet; business: buisness bussiness; believe: beleive;
    their: thier; friend: freind; beginning: begining; writing: writting; successful: succesful; necessary: neccessary
    necesary; embarrassing: embarassing; existence: existance; maintenance: maintainance; privilege: priviledge;
    receipt: reciept; referral: referal; schedule: shedule; similar: similiar; surprise: suprise; truly: truely;
    useful: usefull; vacuum: vaccum; vegetable: vegatable; independent: independant; knowledge: knowlege; warranty:
    warrenty; guarantee: garantee gaurantee; insurance: insurence; interest: intrest; payment: payement; delivery:
    delivary; subscription: subcription; temperature: temperture; medicine: medecine; symptom: symtom; symptoms:
    symtoms; pregnant: pregnent; available: availible avaliable; language: langauge; function: funtion fucntion;
    variable: varible; library: libary; response: responce; environmental: enviromental; through: thru;
    tonight: tonite; though: tho; could have: couldve; should have: shouldve; would have: wouldve; people: poeple;
    where: whre; what: waht; the: teh; with: wiht; about: abuot; please: plese pleas; thank: thnak;
    question: quesion; answer: anwser; problem: probelm; software: sofware; restaurant: restaraunt resturant;
    vehicle: vehical; license: liscense; foreign: foriegn; height: heigth; weight: wieght; length: lenght;
    strength: strenght; exercise: excercise exersize; february: febuary; wednesday: wensday wednsday; height: hieght"""
)
