"""What countries call the numbers they give to people, and which check each number satisfies."""

# ruff: noqa: RUF001 - words of other languages, and their punctuation
from __future__ import annotations

from typing import NamedTuple


class Named(NamedTuple):
    """A number beside its name: words (regular expressions), validators of python-stdnum, and lengths taken without a check."""

    words: tuple[str, ...]
    modules: tuple[str, ...] = ()
    lengths: tuple[int, ...] = ()  # of all characters, at least half of them digits


# Rows without a validator are numbers that have no public check digit.
NAMED: tuple[Named, ...] = (
    Named(("steuer ?id", "steuerliche identifikationsnummer", "idnr", "steuer ?identifikationsnummer"), ("de.idnr",)),
    Named(("steuernummer", "steuer-?nr"), (), (10, 11, 13)),
    Named(("personalausweis", "ausweisnummer", "ausweis-?nr", "perso-?nr"), (), (9, 10)),
    Named(("sozialversicherungs-?(?:nummer|nr)", "rentenversicherungs-?(?:nummer|nr)",
        "sv-?nummer", "svnr", "svnummer"), ("at.vnr",), (12,)),
    Named(("sécurité sociale", "securite sociale", "numéro de sécu", "n° ?(?:de )?sécu", "nir", "numéro insee"), ("fr.nir",), (13,)),
    Named(("numéro fiscal", "numero fiscal", "référence fiscale"), ("fr.nif",), (13,)),
    Named(("carte (?:nationale )?d'identité", "cni"), (), (9, 12)),
    Named(("dni", "nif", "nie", "documento nacional"), ("es.dni", "es.nie", "pt.nif", "ar.dni"), (8,)),
    Named(("codice fiscale", "cod\\. fisc\\.?", "c\\.f\\.", "codfisc"), ("it.codicefiscale",)),
    Named(("carta d'identità", "carta d'identita"), (), (9,)),
    Named(("bsn", "burger ?service ?nummer", "sofi-?nummer"), ("nl.bsn",)),
    Named(("aadhaar", "aadhar", "uidai", "आधार"), ("in_.aadhaar",)),
    Named(("pan card", "pan number", "pan no", "permanent account number"), ("in_.pan",)),
    Named(("voter id", "epic (?:no|number)"), ("in_.epic",)),
    Named(("cpf",), ("br.cpf",)),
    Named(("carteira de identidade", "registro geral", "rg"), (), (8, 9)),
    Named(("pesel",), ("pl.pesel",)),
    Named(("dowód osobisty", "dowodu osobistego", "seria i numer dowodu"), (), (9,)),
    Named(("personnummer", "personal identity number", "samordningsnummer"), ("se.personnummer", "no.fodselsnummer")),
    Named(("cpr", "cpr-?nummer", "cpr-?nr"), ("dk.cpr",), (10,)),
    Named(("fødselsnummer", "foedselsnummer", "fodselsnummer"), ("no.fodselsnummer",)),
    Named(("henkilötunnus", "hetu", "henkilötunnukseni"), ("fi.hetu",)),
    Named(("kennitala",), ("is_.kennitala",)),
    Named(("rijksregister", "registre national", "nationaal nummer", "insz", "niss"), ("be.nn",)),
    Named(("contribuinte", "número fiscal", "nif", "cartão de cidadão", "cartao de cidadao"), ("pt.nif", "pt.cc")),
    Named(("ahv", "avs", "ahv-?nummer", "sozialversicherungsnummer"), ("ch.ssn",)),
    Named(("rodné číslo", "rodne cislo", "rodného čísla"), ("cz.rc",)),
    Named(("cnp", "cod numeric personal"), ("ro.cnp",)),
    Named(("егн", "egn"), ("bg.egn",)),
    Named(("αμκα", "amka"), ("gr.amka",)),
    Named(("αφμ", "afm"), ("gr.vat",)),
    Named(("taj", "taj-?szám", "adóazonosító", "személyi szám", "személyi azonosító"), (), (9, 10, 11)),
    Named(("pps", "ppsn", "pps number", "personal public service"), ("ie.pps",)),
    Named(("oib",), ("hr.oib",)),
    Named(("emšo", "emso", "jmbg", "матични број"), ("si.emso",)),
    Named(("isikukood",), ("ee.ik",)),
    Named(("asmens kodas", "asmens kodą"), ("lt.asmens",)),
    Named(("personas kods",), ("lv.pvn",), (11,)),
    Named(("снилс", "snils"), (), (11,)),
    Named(("инн", "inn"), ("ru.inn",)),
    Named(("рнокпп", "іпн", "rnokpp"), ("ua.rntrc",)),
    Named(("t\\.?c\\.? kimlik", "kimlik no", "kimlik numaras", "tckn", "tc no"), ("tr.tckimlik",)),
    Named(("teudat zehut", "תעודת זהות", "ת\\.?ז"), ("il.idnr",)),
    Named(("الرقم القومي", "الهوية الوطنية", "رقم الهوية", "emirates id", "iqama"), (), (10, 14, 15)),
    Named(("south african id", "sa id", "rsa id"), ("za.idnr",)),
    Named(("身份证", "身分證", "身份證", "resident id", "shenfenzheng", "citizen id"), ("cn.ric",)),
    Named(("マイナンバー", "個人番号", "my ?number"), (), (12,)),
    Named(("주민등록번호", "resident registration", "rrn"), ("kr.rrn",), (13,)),
    Named(("nric", "fin", "mykad", "ic no", "ic number", "kad pengenalan", "no\\.? kp"), ("my.nric",)),
    Named(("เลขประจำตัวประชาชน", "บัตรประชาชน", "thai id"), ("th.pin",)),
    Named(("nik", "ktp", "no\\.? ktp", "nomor induk kependudukan"), ("id.nik",), (16,)),
    Named(("cccd", "cmnd", "căn cước"), (), (9, 12)),
    Named(("sin", "social insurance (?:no|number)", "numéro d'assurance sociale", "nas"), ("ca.sin", "luhn")),
    Named(("tfn", "tax file (?:no|number)"), ("au.tfn",)),
    Named(("ird", "ird number"), ("nz.ird",)),
    Named(("curp",), ("mx.curp",)),
    Named(("nss", "número de seguridad social", "numero de seguridad social", "nuss", "seguridad social"), (), (11, 12)),
    Named(("cuil", "cuit"), ("ar.cuit",)),
    Named(("rut", "rol único tributario"), ("cl.rut",)),
    Named(("cédula", "cedula", "c\\.c\\.", "documento de identidad", "carné de identidad"), ("ec.ci", "do.cedula"), (7, 8, 10)),
    Named(("cnic",), ("pk.cnic",), (13,)),
    Named(("bvn", "nin", "national identification number"), (), (11,)),
    Named(
        ("national id", "national identity", "identity (?:card|document|number|no)", "id card",
         "personal (?:id|code|number)", "citizen number", "citizenship number",
         "government id", "citizenship number", "国民身份", "carte d'identité", "id (?:number|no\\.?|nr)\\W"),
        ("pl.pesel", "za.idnr", "il.idnr", "es.dni", "es.nie", "ro.cnp", "bg.egn",
         "nl.bsn", "tr.tckimlik", "cn.ric", "in_.aadhaar", "th.pin",
         "no.fodselsnummer", "se.personnummer", "hr.oib", "be.nn", "ee.ik", "it.codicefiscale", "br.cpf", "id.nik", "kr.rrn", "si.emso"),
    ),
    Named(
        ("tax id", "taxpayer", "tax (?:no|number)", "social security", "tax identification", "tin"),
        ("us.ssn", "us.itin", "de.idnr", "es.dni", "es.nie", "pt.nif", "nl.bsn", "ca.sin", "au.tfn", "br.cpf", "pl.pesel", "fr.nir",
         "it.codicefiscale", "in_.pan", "be.nn", "hr.oib"),
    ),
)  # fmt: skip
