"""Between the worker and Autotask: texts of any language, gateways with pages of their own, lists that are not English."""

import json

import pytest

from tenants import by_key, plan

PAGE = "<html><body>Blocked</body></html>"


@pytest.mark.parametrize(
    "text",
    ["Das Ausführungstimeout ist abgelaufen.", "Se ha agotado el tiempo de espera.", "SHUTDOWN is in progress.", "A transport-level error has occurred.", "デッドロック"],
)
def test_a_read_that_failed_is_made_again_whatever_its_text(new_tenant, text):
    tenant = new_tenant().connected()
    tenant.database.fault("businessError", message=text, operation="query", entity="Services", times=1)
    tenant.expect(tenant.sync(plan(1)), "sync.succeeded")


@pytest.mark.parametrize("text", ["Der Abrechnungscode ist ungültig.", "El nombre no es válido.", "Le tarif est refusé."])
def test_a_write_that_is_refused_twice_in_unknown_words_is_refused(new_tenant, text):
    tenant = new_tenant().connected()
    tenant.database.fault("businessError", message=text, operation="create", times=1)
    tenant.database.fault("businessError", message=text, operation="create", skip=2, times=1)
    job = tenant.publish("sync", plan(3))
    data = tenant.expect(job.ending(60), "sync.incomplete", "remote_rejected")
    errors = [result["error"] for result in data["services"] if "error" in result]
    assert [text in error["message"] for error in errors] == [True] and len(tenant.database.services()) == 2


def test_a_write_that_failed_in_passing_is_made(new_tenant):
    tenant = new_tenant().connected()
    tenant.database.fault("businessError", message="Die Transaktion wurde abgebrochen.", operation="create", times=1)
    tenant.expect(tenant.publish("sync", plan(2)).ending(60), "sync.succeeded")
    assert len(tenant.database.services()) == 2


@pytest.mark.parametrize(
    ("status", "body"), [(403, PAGE), (407, PAGE), (401, PAGE), (413, ""), (421, ""), (425, ""), (451, PAGE), (502, ""), (520, PAGE), (526, PAGE)]
)
def test_what_is_in_front_of_autotask_is_no_answer_of_it(new_tenant, status, body):
    tenant = new_tenant().connected()
    tenant.database.fault("status", status=status, body=body, contentType="text/html", operation="query", entity="Services", times=1)
    tenant.expect(tenant.sync(plan(1)), "sync.succeeded")
    assert tenant.events("connection.lost") == []


REFUSAL = "<!DOCTYPE html><h1>Server Error</h1><h2>401 - Unauthorized: Access is denied due to invalid credentials.</h2>"


def refused(tenant):
    return [call for call in tenant.database.calls() if call["status"] == 401]


@pytest.mark.parametrize("body", [REFUSAL, "\ufeff" + REFUSAL, REFUSAL.upper(), "<title>IIS 10.0 Detailed Error - 401.1 - Unauthorized</title>"])
def test_credentials_that_iis_refuses_are_not_sent_again(new_tenant, body):
    tenant = new_tenant()
    headers = {"WWW-Authenticate": "Basic"}
    tenant.database.fault("status", status=401, body=body, contentType="text/html", headers=headers, entity="Version")
    tenant.expect(tenant.connect_job().publish().ending(), "connection.failed", "credentials_invalid")
    tenant.expect(tenant.connect_job().publish().ending(), "connection.failed", "credentials_invalid")
    assert len(refused(tenant)) == 1


def test_credentials_that_meet_unknown_pages_of_refusal_are_sent_three_times(new_tenant):
    tenant = new_tenant()
    fault = tenant.database.fault("status", status=401, body=PAGE, contentType="text/html", entity="Version")
    for _ in range(4):
        error = tenant.expect(tenant.connect_job().publish().ending(), "connection.failed", "autotask_unavailable")["error"]
        assert error["retryable"] is True
    assert len(refused(tenant)) == 3
    fault.clear()
    # The proxy in front of this tenant delays no other tenant.
    new_tenant().connected()


def test_an_empty_401_is_autotasks_refusal(new_tenant):
    tenant = new_tenant().connected()
    tenant.database.fault("status", status=401, body="", operation="query", entity="Services", times=1)
    tenant.expect(tenant.sync(plan(1)), "sync.failed", "api_user_locked_or_inactive")


@pytest.mark.parametrize(
    "body",
    [
        {"errors": "A price is required."},
        {"errors": {"UnitPrice": ["A price is required."]}},
        {"Errors": [{"Message": "A price is required."}]},
        {"title": "Bad request", "detail": "A price is required."},
        {"Message": "The request is invalid.", "ModelState": {"service.unitPrice": ["A price is required."]}},
    ],
    ids=["a text", "by field", "objects", "a problem", "a model"],
)
def test_whatever_form_the_errors_have_the_sentence_is_seen(new_tenant, body):
    tenant = new_tenant().connected()
    tenant.database.fault("status", status=400, body=json.dumps(body), contentType="application/json", operation="create", times=1)
    data = tenant.expect(tenant.sync(plan(2)), "sync.incomplete", "remote_rejected")
    (error,) = [result["error"] for result in data["services"] if "error" in result]
    assert "A price is required." in error["message"]


def test_a_page_with_a_200_to_a_create_does_not_take_an_hour(new_tenant):
    tenant = new_tenant().connected()
    tenant.database.fault("status", status=200, body=PAGE, contentType="text/html", operation="create")
    job = tenant.publish("sync", plan(3))
    data = tenant.expect(job.ending(60), "sync.failed", "autotask_unavailable")
    assert len([event for event in job.events if event["type"] == "autotask.job.deferred"]) == 1
    assert "other than Autotask" in data["error"]["message"]


# Lists in other languages


def fields(tenant, *choices):
    """Has the database describe its periods with these (value, label) pairs."""
    values = [{"value": str(value), "label": label, "isActive": True, "isSystem": True} for value, label in choices]
    described = [
        {"name": "name", "dataType": "string", "length": 100, "isReadOnly": False, "isQueryable": True},
        {"name": "periodType", "dataType": "integer", "isReadOnly": True, "isPickList": True, "picklistValues": values},
        {"name": "internalID", "dataType": "string", "length": 50, "isReadOnly": False, "isQueryable": True},
    ]
    body = json.dumps({"fields": described})
    tenant.database.fault("status", status=200, body=body, contentType="application/json", entity="Services", operation="fields", times=1)


@pytest.mark.parametrize(
    ("monthly", "yearly"),
    [("Monatlich", "Jährlich"), ("Mensual", "Anual"), ("Mensuel", "Annuel"), ("mensile", "ANNUALE"), ("Maandelijks", "Jaarlijks"), ("毎月", "年次"), ("Per Month", "Annually")],
)
def test_a_period_is_found_in_the_language_of_the_database(new_tenant, monthly, yearly):
    """L33: the label may be of any language that Autotask has."""
    tenant = new_tenant()
    fields(tenant, (2, monthly), (5, yearly), (3, "Quarterly"))
    assert tenant.expect(tenant.connect(), "connection.established")["warnings"] == []
    tenant.expect(tenant.sync(plan(2)), "sync.succeeded")


def test_periods_without_a_known_label_are_taken_by_value_with_a_warning(new_tenant):
    """L33: 2 and 5 are Autotask's own values, and a user checks the warning."""
    tenant = new_tenant()
    fields(tenant, (2, "Kila mwezi"), (5, "Kila mwaka"))
    (warning,) = tenant.expect(tenant.connect(), "connection.established")["warnings"]
    assert warning["code"] == "period_assumed" and "Kila mwezi" in warning["message"] and "Kila mwaka" in warning["message"]
    tenant.expect(tenant.sync(plan(2)), "sync.succeeded")


@pytest.mark.parametrize("choices", [[(2, "Kila mwezi"), (6, "Kila mwaka")], [(2, "Kila mwezi")], [(2, "Kila mwezi"), (5, "Quarterly")], []])
def test_periods_that_are_not_found_are_warned_of_at_connect(new_tenant, choices):
    tenant = new_tenant()
    fields(tenant, *choices)
    (warning,) = tenant.expect(tenant.connect(), "connection.established")["warnings"]
    assert warning["code"] == "period_unsupported" and all(label in warning["message"] for _, label in choices)
    tenant.expect(tenant.sync(plan(1)), "sync.failed", "period_unsupported")


# Addresses


@pytest.mark.parametrize("address", ["https://evil.example/", "http://ww14.autotask.net/", "https://autotask.net.evil.example/", "https://ww14.autotask.net:444/", "https://user@ww14.autotask.net/"])
def test_nobody_is_asked_to_click_on_a_host_that_is_not_listed(new_tenant, simulator, address):
    tenant = new_tenant()
    zone = tenant.expect(tenant.connect(), "connection.established")["zone"]
    body = {"zoneName": "Zone", "url": zone["apiUrl"], "webUrl": address, "ci": tenant.database.number}
    tenant.database.fault("status", status=200, body=json.dumps(body), contentType="application/json", operation="zoneInformation")
    data = tenant.expect(tenant.connect(), "connection.established")
    assert data["zone"]["webUrl"] == f"http://{simulator.host}/"
    assert "evil" not in json.dumps(tenant.expect(tenant.sync(plan(1)), "sync.succeeded"))
