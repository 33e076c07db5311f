# Doorlight. `make` lists the targets.
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c

BIN := bin/doorlight
GOFILES = $(wildcard $(shell git ls-files -co --exclude-standard '*.go' 'go.mod' 'go.sum' '*.sql' '*.yaml' 2>/dev/null))
WEBFILES = $(wildcard $(shell git ls-files -co --exclude-standard web 2>/dev/null | grep -v -e ^web/dist -e _test -e ^web/test))

.PHONY: help run build test check generate bench fmt lint vet test-go test-web e2e tools clean demo demo-exchange fuzz crash hooks packages

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

run: build ## build what has changed and serve the demo at http://localhost:8080
	@echo "== serving the demo"
	@exec $(BIN) serve --demo $(RUNFLAGS)

demo: run

demo-exchange: build bin/standins ## the demo, with calendars of an Exchange and a Microsoft 365 that stand in
	@echo "== serving the demo with stand-ins for Exchange and Microsoft 365"
	@exec bin/standins -connect http://localhost:8080 -- $(BIN) serve --demo $(RUNFLAGS)

build: $(BIN) ## build everything into bin/doorlight

web/node_modules/.package-lock.json: web/package-lock.json
	@echo "== installing the web client's packages (npm)"
	cd web && npm ci --no-audit --no-fund

web/dist/index.html: web/node_modules/.package-lock.json $(WEBFILES)
	@echo "== building the web client"
	cd web && npm run build
	@touch web/dist/.keep web/dist/index.html

$(BIN): web/dist/index.html $(GOFILES)
	@echo "== building the server"
	@mkdir -p bin
	CGO_ENABLED=0 go build -trimpath -o $(BIN) ./cmd/doorlight

PROVIDER := internal/openid/providertest/node_modules/.package-lock.json
$(PROVIDER): internal/openid/providertest/package-lock.json
	@echo "== installing the OpenID provider that the tests run against (npm)"
	cd internal/openid/providertest && npm ci --no-audit --no-fund

test: tools build ## install what the tests need and run all of them
	$(MAKE) check test-go test-web e2e

check: web/node_modules/.package-lock.json ## format, vet, generated files, licences of style
	@echo "== checking"
	@test -z "$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go'))" || { gofmt -l $$(git ls-files -co --exclude-standard '*.go'); echo "run gofmt (make fmt)"; exit 1; }
	go vet ./...
	go tool staticcheck ./...
	@scripts/check-generated
	@scripts/check-words
	cd web && npm run check

test-go: $(PROVIDER) ## tests of the server
	@echo "== testing the server"
	scripts/test-race

test-web: web/node_modules/.package-lock.json ## unit tests of the web client
	@echo "== testing the web client"
	cd web && npm test

bin/standins: $(GOFILES)
	@mkdir -p bin
	CGO_ENABLED=0 go build -trimpath -o bin/standins ./cmd/standins

e2e: build bin/standins $(PROVIDER) ## browser tests
	@echo "== browser tests"
	cd web && npm run e2e
	cd web && npm run e2e:server

generate: web/node_modules/.package-lock.json ## make generated files anew
	go run ./cmd/openapi > internal/api/openapi.yaml
	cd web && npm run generate

bench: build ## measure speed; see docs/performance.md
	go run ./cmd/bench
	go test -count=1 -v -run TestThousandsAreNeverOld ./internal/teams
	go test -count=1 -v -timeout 20m -run TestWhatTheDesktopClientCosts ./cmd/doorlight -minutes 10

crash: build ## kill and restart the server 200 times under load
	go test ./test/crash -count=1 -timeout 30m -rounds 200

fuzz: ## fuzz every parser for a minute each
	@scripts/fuzz 60s

packages: ## build the desktop client's packages into dist/ (Linux, Windows, macOS)
	@scripts/packages

fmt: ## format all files
	gofmt -w $$(git ls-files -co --exclude-standard '*.go')
	cd web && npm run format

tools: ## install the programs that the tests use (Debian packages)
	@scripts/tools

hooks: ## check every commit of this clone before it is made
	ln -sf ../../scripts/pre-commit .git/hooks/pre-commit

clean: ## remove what was built
	rm -rf bin dist web/dist/* web/node_modules && touch web/dist/.keep
