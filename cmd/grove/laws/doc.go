// Package laws holds the tests that are generated from what the program offers: every operation of the API's description,
// every protocol route, every way in which a thing can be switched off. What is added to the program later is tested by
// them on the day it is added; what they do not know how to ask for fails them.
//
// There is nothing here but tests.
package laws
