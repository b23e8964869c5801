// Package register names the generators that this operator has: none.
package register
