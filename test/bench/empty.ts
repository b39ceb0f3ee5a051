// A program of nothing, to see what its runtime takes.
export {};
