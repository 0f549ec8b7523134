# All that a newcomer needs: make run, make test. The rest is for those who change things.
SHELL := /bin/bash
.DEFAULT_GOAL := help
# One static binary; tests are built alike, so that everything is compiled once, wherever the checkout lies.
export GOFLAGS := -buildvcs=auto -trimpath
export CGO_ENABLED := 0
PAGES := $(shell find frontend sdk/typescript/src -type f \( -name '*.ts' -o -name '*.tsx' -o -name '*.css' -o -name '*.html' -o -name '*.json' \) -not -path '*/node_modules/*' -not -path 'frontend/dist/*' 2>/dev/null)

.PHONY: help run test build pages generate verify lint bench release setup-test clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-12s %s\n", $$1, $$2}'

run: build ## Set up and start grove dev on http://127.0.0.1:8080
	@bin/grove dev $(ARGS)

test: setup-test build ## Set up and run every test
	@scripts/test

build: pages ## Leave bin/grove, pages embedded
	@mkdir -p bin
	@go build -o bin/grove ./cmd/grove

pages: frontend/dist/.built

frontend/dist/.built: frontend/node_modules/.installed $(PAGES)
	@cd frontend && npm run --silent build
	@touch $@ frontend/dist/.gitkeep

frontend/node_modules/.installed: scripts/setup frontend/package-lock.json sdk/typescript/package-lock.json
	@scripts/setup
	@touch $@

setup-test: frontend/node_modules/.installed
	@scripts/setup --test

generate: build ## Write all generated files: openapi, clients, permission and error catalogues
	@scripts/generate

verify: build ## Fail when a generated file is stale
	@scripts/generate --check

lint: ## Check form, vet, the API's description and the pages' types
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo "gofmt would change:"; gofmt -l $$(git ls-files '*.go'); exit 1; }
	@go vet ./... && cd sdk/go && go vet ./...
	@frontend/node_modules/.bin/spectral lint openapi.yaml --ruleset .spectral.yaml --fail-severity warn --quiet
	@cd frontend && npm run --silent check
	@cd sdk/typescript && npm run --silent check

bench: build ## Measure against the limit handlers and print the table
	@go run ./infra/bench

release: build ## Leave binaries, bills of materials and checksums in bin/release; VERSION=v1.2.3 and KEY=path are optional
	@go run ./infra/release -version "$(VERSION)" -key "$(KEY)"
	@cd bin/release && cat SHA256SUMS

clean: ## Remove what was built; data of grove dev stays
	@rm -rf bin frontend/dist/* frontend/node_modules/.installed
