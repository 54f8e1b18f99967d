// Included twice, counts once.
int timesIncluded = 1;
