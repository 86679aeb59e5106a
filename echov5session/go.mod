module github.com/coatcheck-go/coatcheck/echov5session

go 1.25.0

require (
	github.com/coatcheck-go/coatcheck v0.1.0
	github.com/labstack/echo/v5 v5.4.5
)

require golang.org/x/time v0.15.0 // indirect

replace github.com/coatcheck-go/coatcheck => ../
