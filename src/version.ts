// Put in by the build (build/version.ts); absent when the sources are run as they are.
declare const BUILD_VERSION: string | undefined;
declare const BUILD_COMMIT: string | undefined;

/** package.json's version. */
export const version = typeof BUILD_VERSION === "string" ? BUILD_VERSION : "0.0.0";

/** Short git commit of the sources, with `-dirty` where they were changed. */
export const commit = typeof BUILD_COMMIT === "string" ? BUILD_COMMIT : "unknown";
