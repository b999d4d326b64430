// Distances.
export const parsecs = (lightYears) => (lightYears / 3.2616).toFixed(2);
