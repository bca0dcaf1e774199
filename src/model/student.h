/*
 * student: Student's t distribution, through the incomplete beta function (NIST Digital Library of
 * Mathematical Functions, 8.17). Pure.
 */
#pragma once

/* P(|T| >= |t|) of Student's t with df degrees of freedom. */
double student_p(double t, double df);
