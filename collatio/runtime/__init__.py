"""What every service is made of: errors, settings, blobs, ledger, queue, rpc, telemetry, sandbox, program."""
