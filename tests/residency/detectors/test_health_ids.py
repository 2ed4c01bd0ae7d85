"""Numbers of patients and insured people, which only the words beside them give away."""

# ruff: noqa: RUF001 - punctuation of other scripts
from __future__ import annotations

import pytest

from tests.residency.detectors.finding import kinds_in

FOUND = r"""
medical_record|MRN: 00482913
medical_record|MRN 4829-113
medical_record|mrn=12345678
medical_record|{"mrn": "A1234567"}
medical_record|medical record number: 48-29-113
medical_record|Patient ID: P-220184
medical_record|patient no. 220184
medical_record|hospital number H482911
medical_record|Rx number 7713842
medical_record|Patientennummer 4711-0815
medical_record|Fallnummer: 20240815
medical_record|numéro de dossier médical : 48291133
medical_record|historia clínica 482911
medical_record|患者番号 482911
medical_record|病历号：ZY0012345
insurance_id|insurance ID: XJB123456789
insurance_id|policy number: HP-4471902
insurance_id|Medicare number 1EG4-TE5-MK73
insurance_id|1EG4-TE5-MK73
insurance_id|health card number 9876543217
insurance_id|Blue Cross member ID 889001234
insurance_id|member id W1234 56789 on the Aetna plan
insurance_id|Krankenversichertennummer A123456780
insurance_id|KVNR: M310119800
insurance_id|Versichertennummer A123456780
insurance_id|tarjeta sanitaria BBBB123456
insurance_id|保険証番号 12345678
insurance_id|subscriber_id: 99812345
national_id|NHS number 943 476 5919
national_id|943 476 5919, the patient's NHS no
""".strip().splitlines()

CLEAN = r"""
what is an MRN?
the MRN field has 8 digits
patient 1 of 200
patient since 2019-05-01
member id 42 in our club
{"member_id": 88123456}
group number 3
NHS number 943 476 5918
943 476 5919
NPI 1234567893
policy number format
insurance costs 300 dollars
medical records from 2019
medicare turned 50
the policy no longer applies to 12345
ICD-10 E11.9
claim 5: the loop ends after 10000 steps
""".strip().splitlines()


@pytest.mark.parametrize("line", FOUND)
def test_a_patients_or_an_insureds_number_is_found(line: str) -> None:
    kind, text = line.split("|", 1)
    assert kind in kinds_in(text, "health_ids")


@pytest.mark.parametrize("text", CLEAN)
def test_numbers_of_nobody_are_clean(text: str) -> None:
    assert kinds_in(text, "health_ids") == set()
