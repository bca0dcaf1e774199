/* stats, modes, shift, student: worked examples that were published, what SciPy says, what is odd.
 */
#include "test.h"

#include "model/modes.h"
#include "model/shift.h"
#include "model/stats.h"
#include "model/student.h"
#include "stats_reference.h"

#include <math.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void near(double is, double expected, double relative, const char *what) {
    if (fabs(is - expected) > relative * fmax(fabs(expected), 1e-300))
        fail_msg("%s: %.17g, not %.17g", what, is, expected);
}

static void medians(UNUSED void **state) {
    double even[] = {4, 1, 3, 2};
    assert_true(stats_median(even, 4) == 2.5);
    assert_true(isnan(stats_median(even, 0)));
    assert_true(stats_median((double[]){1.5e308, 1.7e308}, 2) == 1.6e308);
    double many[101];
    for (int i = 0; i < 101; i++)
        many[i] = (i * 37) % 101;
    assert_true(stats_median(many, 101) == 50);
}

static void the_spread_is_half_the_range_of_few_values(UNUSED void **state) {
    double few[] = {4, 1, 3, 2};
    assert_true(isnan(stats_spread(few, 0)));
    assert_true(isnan(stats_spread(few, 1)));
    assert_true(stats_spread(few, 4) == 1.5);
    assert_true(stats_spread((double[]){-1.5e308, 1.7e308}, 2) == 1.6e308);
}

/* Nine values: 1 and 9 are outside of the interval, which holds the median with 96.1 %. */
static void the_spread_is_half_the_interval_of_more(UNUSED void **state) {
    double values[] = {1, 2, 3, 4, 5, 6, 7, 8, 900};
    assert_true(stats_spread(values, 9) == 3);
    assert_true(stats_spread(values, 5) == 2);
}

/* Iglewicz and Hoaglin's example, as NIST's handbook and SciPy's users cite it: two outliers. */
static void robust_z_of_a_published_example(UNUSED void **state) {
    double x[] = {2.1, 2.6, 2.4, 2.5, 2.3, 2.1, 2.3, 2.6, 8.2, 8.3};
    double z[] = {-1.574, 0.674, -0.225, 0.225, -0.674, -1.574, -0.674, 0.674, 25.856, 26.306};
    struct stats_centre c = stats_centre(x, COUNT(x));
    near(c.median, 2.45, 1e-12, "median");
    near(c.scale, 0.15 * 1.4826, 1e-4, "scale");
    for (size_t i = 0; i < COUNT(x); i++)
        near(stats_robust_z(x[i], &c), z[i], 1e-2, "z");
}

static void equal_values_fall_back_on_the_mean_deviation(UNUSED void **state) {
    double x[] = {5, 5, 5, 5, 5, 5, 9};
    struct stats_centre c = stats_centre(x, 7);
    near(c.scale, 1.253314 * 4 / 7, 1e-6, "scale");
    near(stats_robust_z(9, &c), 7 / 1.253314, 1e-6, "z");
    /* the wildest does not hide another one */
    double masked[] = {5, 5, 5, 5, 5, 5, 5, 5, 5, 4, 1e5};
    c = stats_centre(masked, COUNT(masked));
    near(c.scale, 1.253314 / 10, 1e-6, "scale without the wildest");
    double huge[] = {1e308, 1e308, 1e308, 1e308, 1e308, 1e308, 1e308, 1e308, 1e307, -1e308};
    c = stats_centre(huge, COUNT(huge));
    near(c.scale / 1e307, 1.253314, 1e-6, "scale of the largest numbers");
    c = stats_centre(x, 6);
    assert_true(c.scale == 0);
    assert_true(stats_robust_z(5, &c) == 0);
    assert_true(isinf(stats_robust_z(4, &c)) && stats_robust_z(4, &c) < 0);
    c = stats_centre(x, 0);
    assert_true(isnan(c.median) && isnan(c.scale));
}

/* The flow of the Nile at Aswan, 1871 to 1970 (Cobb 1978), fell behind 1898: the 28th year. */
static const double nile[] = {
    1120, 1160, 963, 1210, 1160, 1160, 813,  1230, 1370, 1140, 995,  935,  1110, 994,  1020,
    960,  1180, 799, 958,  1140, 1100, 1210, 1150, 1250, 1260, 1220, 1030, 1100, 774,  840,
    874,  694,  940, 833,  701,  916,  692,  1020, 1050, 969,  831,  726,  456,  824,  702,
    1120, 1100, 832, 764,  821,  768,  845,  864,  862,  698,  845,  744,  796,  1040, 759,
    781,  865,  845, 944,  984,  897,  822,  1010, 771,  676,  649,  846,  812,  742,  801,
    1040, 860,  874, 848,  890,  744,  749,  838,  1050, 918,  986,  797,  923,  975,  815,
    1020, 906,  901, 1170, 912,  746,  919,  718,  714,  740};

static void the_step_of_the_nile(UNUSED void **state) {
    struct shift_step step;
    assert_int_equal(COUNT(nile), 100);
    assert_true(shift_step(nile, 100, 3, &step));
    assert_int_equal(step.first, 28);
    near(step.before, 1130, 0, "before");
    near(step.after, 842.5, 0, "after");
    assert_true(step.p < 1e-10);
}

static void no_step_where_there_is_none(UNUSED void **state) {
    double same[] = {7, 7, 7, 7, 7, 7}, noise[] = {1, 2, 1, 2, 2, 1, 1, 2, 2, 1};
    struct shift_step step;
    assert_false(shift_step(same, 6, 1, &step));
    assert_false(shift_step(noise, 5, 3, &step));
    assert_true(shift_step(noise, 10, 2, &step));
    assert_true(step.p > 0.5);
}

static void a_step_of_huge_values_is_found(UNUSED void **state) {
    double values[] = {1.7e308, 1.69e308, 1.7e308, -1.7e307, -1.69e307, -1.7e307};
    struct shift_step step;
    assert_true(shift_step(values, 6, 3, &step));
    assert_int_equal(step.first, 3);
    assert_true(step.p < 1e-6);
}

/* Hollander and Wolfe's example 4.1: permeability of the chorioamnion, at term and before. */
static void the_shift_of_a_published_example(UNUSED void **state) {
    double term[] = {0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46};
    double before[] = {1.15, 0.88, 0.90, 0.74, 1.21};
    stats_sort(term, 10);
    stats_sort(before, 5);
    struct stats_interval i;
    near(shift_between(before, 5, term, 10, 0.96, &i), 0.305, 1e-9, "shift");
    near(i.low, -0.15, 1e-9, "low");
    near(i.high, 0.76, 1e-9, "high");
    near(i.coverage, 1 - 0.04, 2e-3, "coverage");
}

static void too_few_for_an_interval(UNUSED void **state) {
    double v[] = {1, 2, 3, 4, 5};
    struct stats_interval i = {7, 7, 7};
    assert_false(stats_median_interval(v, 5, 0.95, &i));
    assert_false(stats_median_interval(v, 0, 0.5, &i));
    assert_true(i.low == 7);
    assert_true(shift_between(v, 2, v, 3, 0.95, &i) == 0.5);
    assert_true(i.coverage == 0 && i.low == -1 && i.high == 2);
    assert_true(isnan(shift_between(v, 0, v, 3, 0.95, &i)));
}

/* n values that are spread evenly over the middle of a distribution with this width. */
static void fill(double *v, size_t n, double centre, double width) {
    for (size_t i = 0; i < n; i++)
        v[i] = centre + width * (((double)i + 0.5) / (double)n - 0.5);
}

static void two_groups_are_told_apart(UNUSED void **state) {
    double v[100];
    size_t scratch[200];
    struct modes_split split;
    fill(v, 40, 85, 4);
    fill(v + 40, 60, 100, 4);
    assert_true(modes_split(v, 100, 8, scratch, &split));
    assert_int_equal(split.first, 40);
    near(split.lower.median, 85, 1e-9, "lower");
    near(split.upper.median, 100, 1e-9, "upper");
    assert_true(split.separation > 8);
    assert_false(modes_split(v, 100, 41, scratch, &split));
}

static void one_group_stays_one(UNUSED void **state) {
    double v[200];
    size_t scratch[400];
    struct modes_split split;
    fill(v, 200, 100, 10);
    assert_false(modes_split(v, 200, 8, scratch, &split));
    /* A few that are far away are outliers and no mode. */
    fill(v, 4, 50, 1);
    assert_false(modes_split(v, 200, 4, scratch, &split));
    for (int i = 0; i < 200; i++)
        v[i] = 100;
    assert_false(modes_split(v, 200, 8, scratch, &split));
    assert_false(modes_split(v, 0, 8, scratch, &split));
    /* Values that are rounded to whole ones make no modes. */
    for (int i = 0; i < 200; i++)
        v[i] = (double)(i / 20);
    assert_false(modes_split(v, 200, 8, scratch, &split));
}

static void what_is_no_number_does_no_harm(UNUSED void **state) {
    double v[] = {NAN, INFINITY, 1, -INFINITY, NAN, 3, 2, NAN, INFINITY, -1};
    size_t scratch[20];
    struct stats_interval i;
    struct modes_split split;
    struct shift_step step;
    stats_spread(v, 10);
    stats_centre(v, 10);
    modes_dip(v, 10, scratch);
    modes_split(v, 10, 2, scratch, &split);
    shift_step(v, 10, 2, &step);
    shift_between(v, 5, v + 5, 5, 0.95, &i);
    assert_true(isnan(stats_quantile(v, 10, NAN)));
    assert_true(isnan(student_p(NAN, 3)));
}

static void samples_agree_with_scipy(UNUSED void **state) {
    for (size_t i = 0; i < COUNT(sample_references); i++) {
        const double *v = sample_references[i].values;
        size_t n = sample_references[i].n, scratch[256];
        print_message("sample %zu\n", i);
        double sorted[128];
        memcpy(sorted, v, n * sizeof(*v));
        stats_sort(sorted, n);
        double median = stats_median(v, n);
        near(median, sample_references[i].median, 1e-12, "median");
        near(stats_quantile(sorted, n, 0.25), sample_references[i].quartile, 1e-12, "quartile");
        near(stats_quantile(sorted, n, 0.9), sample_references[i].high_quantile, 1e-12, "0.9");
        near(stats_mad(v, n, median), sample_references[i].mad, 1e-12, "MAD");
        near(stats_scaled_mad(v, n, median), sample_references[i].scaled_mad, 1e-12, "scaled MAD");
        near(modes_dip(sorted, n, scratch), sample_references[i].dip, 1e-6, "dip");
        struct stats_interval interval;
        assert_true(stats_median_interval(v, n, 0.95, &interval) ==
                    !isnan(sample_references[i].low));
        if (isnan(sample_references[i].low))
            continue;
        near(interval.low, sample_references[i].low, 0, "low");
        near(interval.high, sample_references[i].high, 0, "high");
        near(interval.coverage, sample_references[i].coverage, 1e-9, "coverage");
    }
}

static void steps_agree_with_scipy(UNUSED void **state) {
    for (size_t i = 0; i < COUNT(sample_references); i++) {
        struct shift_step step;
        print_message("sample %zu\n", i);
        bool there = shift_step(sample_references[i].values, sample_references[i].n, 2, &step);
        assert_true(there == (sample_references[i].step > 0));
        if (!there)
            continue;
        assert_int_equal(step.first, sample_references[i].step);
        near(step.before, sample_references[i].before, 1e-12, "before");
        near(step.after, sample_references[i].after, 1e-12, "after");
        near(step.p, sample_references[i].p, 1e-8, "p");
    }
}

static void student_agrees_with_scipy(UNUSED void **state) {
    for (size_t i = 0; i < COUNT(student_references); i++)
        near(student_p(student_references[i].t, student_references[i].df), student_references[i].p,
             1e-9, "p");
    assert_true(student_p(0, 5) == 1);
    assert_true(student_p(INFINITY, 5) == 0);
}

static void shifts_agree_with_the_table_of_differences(UNUSED void **state) {
    for (size_t i = 0; i < COUNT(shift_references); i++) {
        size_t na = sample_references[shift_references[i].a].n;
        size_t nb = sample_references[shift_references[i].b].n;
        double a[16], b[16];
        memcpy(a, sample_references[shift_references[i].a].values, na * sizeof(*a));
        memcpy(b, sample_references[shift_references[i].b].values, nb * sizeof(*b));
        stats_sort(a, na);
        stats_sort(b, nb);
        struct stats_interval interval;
        double shift = shift_between(a, na, b, nb, 0.95, &interval);
        near(shift, shift_references[i].shift, 1e-11, "shift");
        near(interval.low, shift_references[i].low, 1e-11, "low");
        near(interval.high, shift_references[i].high, 1e-11, "high");
        near(interval.coverage, shift_references[i].coverage, 1e-11, "coverage");
    }
}

/* The normal approximation takes over from the exact distribution without a jump. */
static void shifts_of_many_are_narrow(UNUSED void **state) {
    double a[1000], b[1000];
    struct stats_interval i;
    fill(a, 1000, 100, 10);
    fill(b, 1000, 103, 10);
    near(shift_between(a, 1000, b, 1000, 0.95, &i), 3, 1e-3, "shift");
    assert_true(i.low > 2.6 && i.low < 2.8 && i.high > 3.2 && i.high < 3.4);
    assert_true(i.coverage == 0.95);
}

static unsigned short dice[3] = {1, 2, 3};

static double normal(void) {
    double radius = sqrt(-2 * log(1 - erand48(dice)));
    return radius * cos(6.283185307179586 * erand48(dice));
}

/* What the header says of p: noise has steps of p <= 0.05 in at most 5 % of all series. */
static void noise_has_steps_as_seldom_as_p_says(UNUSED void **state) {
    enum { ROUNDS = 4000 };
    static const size_t lengths[] = {8, 12, 30};
    for (size_t k = 0; k < COUNT(lengths); k++) {
        int seen = 0, found = 0;
        for (int round = 0; round < ROUNDS; round++) {
            double v[30];
            struct shift_step step;
            for (size_t i = 0; i < lengths[k]; i++)
                v[i] = 100 + normal();
            seen += shift_step(v, lengths[k], 3, &step) && step.p <= 0.05;
            for (size_t i = lengths[k] - 3; i < lengths[k]; i++)
                v[i] -= 5;
            found += shift_step(v, lengths[k], 3, &step) && step.p <= 0.01;
        }
        print_message("# %zu values: %d of %d are noise with p <= 0.05, %d of %d steps of 5 sigma "
                      "in the last three have p <= 0.01\n",
                      lengths[k], seen, ROUNDS, found, ROUNDS);
        assert_true(seen <= ROUNDS * 0.05 && seen > 0);
        assert_true(found > ROUNDS * 0.8);
    }
}

static void noise_has_one_mode(UNUSED void **state) {
    static const size_t sizes[] = {20, 100, 1000};
    static double v[1000];
    static size_t scratch[2000];
    for (size_t k = 0; k < COUNT(sizes); k++) {
        int two = 0;
        for (int round = 0; round < 500; round++) {
            struct modes_split split;
            for (size_t i = 0; i < sizes[k]; i++)
                v[i] = 100 + normal();
            stats_sort(v, sizes[k]);
            two += modes_split(v, sizes[k], 8, scratch, &split);
        }
        assert_int_equal(two, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(medians),
        cmocka_unit_test(the_spread_is_half_the_range_of_few_values),
        cmocka_unit_test(the_spread_is_half_the_interval_of_more),
        cmocka_unit_test(robust_z_of_a_published_example),
        cmocka_unit_test(equal_values_fall_back_on_the_mean_deviation),
        cmocka_unit_test(the_step_of_the_nile),
        cmocka_unit_test(no_step_where_there_is_none),
        cmocka_unit_test(a_step_of_huge_values_is_found),
        cmocka_unit_test(the_shift_of_a_published_example),
        cmocka_unit_test(too_few_for_an_interval),
        cmocka_unit_test(two_groups_are_told_apart),
        cmocka_unit_test(one_group_stays_one),
        cmocka_unit_test(samples_agree_with_scipy),
        cmocka_unit_test(steps_agree_with_scipy),
        cmocka_unit_test(student_agrees_with_scipy),
        cmocka_unit_test(shifts_agree_with_the_table_of_differences),
        cmocka_unit_test(shifts_of_many_are_narrow),
        cmocka_unit_test(noise_has_steps_as_seldom_as_p_says),
        cmocka_unit_test(noise_has_one_mode),
        cmocka_unit_test(what_is_no_number_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
