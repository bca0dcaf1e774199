/*
 * hash: chance without a state.
 *
 * A draw is a function of what it is drawn for: the same names and numbers give the same draw, in
 * whatever order and by whatever thread. Good enough for dice, not for secrets.
 *
 * The mixing is splitmix64's finalizer (Steele, Lea, Flood: Fast Splittable Pseudorandom Number
 * Generators, 2014), texts are hashed by FNV-1a.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

uint64_t hash_mix(uint64_t x);

/* Of n bytes of text; texts that differ in one digit have nothing in common. */
uint64_t hash_text(uint64_t seed, const char *text, size_t n);

/* A number in [0, 1), as uniform as its argument. */
double hash_fraction(uint64_t h);
