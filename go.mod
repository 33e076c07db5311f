module github.com/doorlight/doorlight

go 1.26.0
