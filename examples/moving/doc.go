// Package moving holds small applications, each twice: before with another session library, after with coatcheck. The
// test here clicks through both, and they answer alike. The pages under docs/moving/ are about them.
package moving
