"""Operations on whole arrays, done in parts that fit the processor's cache."""
