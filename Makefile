# The few commands that a contributor needs. "make ci" is what a change has to
# pass; all else is a part of it that is quick.

# What a build is told of the checkout. The date is the commit's.
version  := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
revision := $(shell git rev-parse HEAD 2>/dev/null)
created  := $(shell TZ=UTC0 git show -s --date=format-local:%Y-%m-%dT%H:%M:%SZ --format=%cd HEAD 2>/dev/null)
image    ?= defib

.PHONY: help
help: ## list these commands
	@sed -n 's/^\([a-z0-9]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 24

.PHONY: demo
demo: ## see it at work, without Docker
	go run . demo

.PHONY: test
test: ## the tests that need neither an engine nor a browser (others skip themselves)
	go vet ./...
	go test ./...

.PHONY: update
update: ## write anew what is held by tests: transcripts, docs/commands.md, the README's table
	go test . -update

.PHONY: lint
lint: ## formatting, linters, workflows
	test -z "$$(gofmt -l .)"
	$$(.ci/tool golangci-lint) run ./...
	$$(.ci/tool actionlint) .github/workflows/*.yml

.PHONY: image
image: ## build the image, with its version, commit and date
	docker build -t $(image) --build-arg VERSION=$(version) --build-arg REVISION=$(revision) --build-arg CREATED=$(created) .

.PHONY: e2e
e2e: image ## the image on this machine's Docker engine; touches only what it makes
	DEFIB_REQUIRE_ENGINE=1 DEFIB_IMAGE=$(image) go test -count=1 ./e2e

.PHONY: bench
bench: ## figures
	go run ./bench

.PHONY: sbom
sbom: ## write sbom.cdx.json: the modules in the program (CycloneDX)
	CGO_ENABLED=0 go build -trimpath -tags nethttpomithttp2 -o sbom.tmp .
	$$(.ci/tool cyclonedx-gomod) bin -json -std -noserial -notimestamp -version $(version) -output sbom.cdx.json sbom.tmp
	rm sbom.tmp

.PHONY: reproducible
reproducible: ## build the image twice and compare; takes minutes
	.ci/reproducible twice

.PHONY: ci
ci: ## everything that must hold before a change lands
	.ci/run
