/* A program of nothing: what the kernel takes for a process. */
int main(void) { return 0; }
