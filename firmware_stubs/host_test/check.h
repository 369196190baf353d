/* CHECK(condition) ends the test with the place that failed. */
#ifndef TELEWARD_CHECK_H
#define TELEWARD_CHECK_H

#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition)                                                                    \
    do {                                                                                    \
        if (!(condition)) {                                                                 \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                 \
            exit(1);                                                                        \
        }                                                                                   \
    } while (0)

#define RUN(test)                                                                           \
    do {                                                                                    \
        test();                                                                             \
        printf("ok %s\n", #test);                                                           \
    } while (0)

#endif
