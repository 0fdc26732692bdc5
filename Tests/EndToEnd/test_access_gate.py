"""Only tenants that were configured before the successor of the integration was released may connect."""

import pytest

import contract
from tenants import plan

REFUSED = contract.error_codes()["integration_not_available"]


def first_connect(tenant, configured, **members):
    """A connect with this moment, or without one."""
    job = tenant.connect_job(**members)
    job.envelope["data"].pop("firstConfiguredAt")
    if configured:
        job.envelope["data"]["firstConfiguredAt"] = configured
    return job.publish().ending()


@pytest.mark.parametrize(
    "configured",
    ["2023-06-01T00:00:00Z", "2023-06-01T01:00:00+01:00", "2024-02-29T12:00:00Z", None],
    ids=["at once", "another zone", "later", "never"],
)
def test_the_integration_is_not_for_newcomers(tenant, configured):
    """L1, L2, A4: the job's own failed event advises a tenant that was not configured before June 2023 to switch, without a call."""
    data = tenant.expect(first_connect(tenant, configured), "connection.failed", "integration_not_available")
    assert data["message"] == "Failed to establish connection" and data["previousConnectionActive"] is False
    if configured:
        assert (data["error"]["message"], data["error"]["hint"]) == (REFUSED["message"], REFUSED["hint"])
    else:
        assert data["error"]["field"] == "data.firstConfiguredAt" and REFUSED["hint"] in data["error"]["hint"]
    assert "switch to Integrated Billing via Autotask as soon as possible" in data["error"]["hint"]
    assert tenant.database.calls() == []


@pytest.mark.parametrize("configured", ["2023-05-31T23:59:59.999Z", "2023-06-01T00:59:59+01:00"], ids=["a moment before", "another zone"])
def test_whoever_was_configured_a_moment_before_the_cutoff_is_let_in(tenant, configured):
    """L1, A4: strictly before it."""
    tenant.expect(first_connect(tenant, configured), "connection.established")


def test_whoever_is_not_let_in_may_reset_but_not_sync(tenant):
    """A4: a sync needs the connection that the gate refuses. A reset is never gated, and says that none may follow (A3); nor are other questions."""
    tenant.expect(first_connect(tenant, None), "connection.failed", "integration_not_available")
    tenant.expect(tenant.sync(), "sync.failed", "not_connected")
    tenant.expect(tenant.publish("verify").ending(), "connection.failed", "not_connected")
    tenant.expect(tenant.publish("drift").ending(), "drift.failed", "not_connected")
    tenant.expect(tenant.publish("diagnose").ending(), "connection.diagnosed")
    assert tenant.expect(tenant.reset(), "integration.reset")["reconnectAllowed"] is False
    tenant.expect(first_connect(tenant, None), "connection.failed", "integration_not_available")


def test_whoever_was_let_in_stays_let_in_after_a_reset(tenant):
    """A3: eligibility survives the reset, which says so."""
    tenant.connected()
    for _ in range(2):
        assert tenant.expect(tenant.reset(), "integration.reset")["reconnectAllowed"] is True
    tenant.expect(first_connect(tenant, None), "connection.established")


def test_a_typo_in_the_first_connect_does_not_shut_the_gate(tenant):
    """A3: the gate was passed, with any result of the connect."""
    tenant.expect(tenant.connect(secret="wrong"), "connection.failed", "credentials_invalid")
    tenant.expect(first_connect(tenant, None), "connection.established")


def test_each_product_is_let_in_by_itself(tenant):
    tenant.connected()
    tenant.expect(first_connect(tenant, None, product="fileProtection"), "connection.failed", "integration_not_available")
    tenant.connected(product="fileProtection")


def test_the_cutoff_is_the_operators_to_set_and_shuts_nobody_out_again(other_worker, new_tenant):
    """L1, A4: it is configuration. A3: an earlier one leaves those alone who were let in."""
    tenant, newcomer = new_tenant(), new_tenant()
    other_worker.start()
    tenant.connected()
    other_worker.stop()
    other_worker.start(ACCESS_CUTOFF="2021-03-04T09:30:00Z")
    newcomer.expect(newcomer.connect(firstConfiguredAt="2021-03-04T09:30:00Z"), "connection.failed", "integration_not_available")
    newcomer.expect(newcomer.connect(firstConfiguredAt="2021-03-04T09:29:59Z"), "connection.established")
    tenant.expect(tenant.sync(plan(1)), "sync.succeeded")
    tenant.expect(tenant.publish("verify").ending(), "connection.verified")
    tenant.expect(tenant.publish("drift").ending(), "drift.reported")
    tenant.expect(first_connect(tenant, None), "connection.established")


def test_without_a_cutoff_everybody_is_let_in(other_worker, new_tenant):
    """A4: `none` switches the gate off, for a reset's word as well."""
    tenant = new_tenant()
    other_worker.start(ACCESS_CUTOFF="none")
    assert tenant.expect(tenant.reset(), "integration.reset")["reconnectAllowed"] is True
    tenant.expect(first_connect(tenant, None), "connection.established")
