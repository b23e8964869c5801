module sealer/tests/peers/external-secrets-operator

go 1.25.6

require github.com/external-secrets/external-secrets v0.20.4 // indirect
